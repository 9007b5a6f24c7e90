import { createSecureServer, createServer } from 'node:http2'
import { work } from './answer.mjs'

/** Without a `request` listener, as @grpc/grpc-js does it: paths of gRPC are answered as a unary call, others with plain text. */
export function create({ pem }) {
  const server = process.env.TLS === '1' ? createSecureServer({ key: pem, cert: pem }) : createServer()
  server.on('stream', (stream, headers) => {
    // A client that has gone away is not this server's trouble.
    stream.on('error', () => {})
    stream.resume()
    stream.once('end', () => work(() => answer(stream, headers)))
  })
  return server
}

function answer(stream, headers) {
  if (stream.destroyed) return
  if (headers['content-type']?.startsWith('application/grpc')) return answerCall(stream)
  stream.respond({ ':status': 200 })
  stream.end('ok\n')
}

function answerCall(stream) {
  const message = Buffer.from('done')
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.concat([prefix, message]))
}
