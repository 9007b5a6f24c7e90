import { readFileSync } from 'node:fs'
import { connect } from 'node:http2'

const secure = process.env.TLS === '1'
const ca = readFileSync(new URL('../replicas/localhost.pem', import.meta.url))

/** What the first of two GOAWAYs says (RFC 9113 §6.8): whatever was sent is served. */
const noneRefused = 2 ** 31 - 1

/**
 * One session of node:http2, replaced after a GOAWAY; nothing is repeated. Node sends a request only at the end of the turn that made it, and refuses
 * it itself when a GOAWAY was read in between: such a one has seen nothing but a GOAWAY that refuses none.
 */
export function createSession(client) {
  let session
  const current = () => {
    if (session === undefined || session.closed || session.destroyed) session = open()
    return session
  }
  return {
    round: async () => void (await Promise.all([1, 2].map(() => client.attempt({ path: '/' }, (attempt) => get(current(), attempt))))),
    close: () => session?.destroy(),
  }

  function open() {
    const opened = connect(`${secure ? 'https' : 'http'}://${client.host}:${client.port}`, { ca })
    // Every stream has an error of its own.
    opened.on('error', () => {})
    opened.on('goaway', (_, lastStreamId) => {
      opened.refusedItself = lastStreamId === noneRefused
      if (session === opened) session = undefined
    })
    return opened
  }
}

function get(session, attempt) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/' }, { signal: attempt.signal })
    let status
    if (session.connecting) session.once('connect', () => attempt.via(session.socket))
    else attempt.via(session.socket)
    stream.once('response', (headers) => {
      status = headers[':status']
    })
    stream.once('error', (error) => {
      const isOwn = session.refusedItself && error.message.includes('NGHTTP2_REFUSED_STREAM')
      reject(isOwn ? new Error('NGHTTP2_REFUSED_STREAM, by the client itself') : error)
    })
    stream.once('close', () => {
      if (stream.rstCode !== 0) reject(new Error(`the stream was closed with code ${stream.rstCode}`))
      else if (status !== 200) reject(new Error(`the stream ended with ${status === undefined ? 'no headers' : `HTTP ${status}`}`))
      else resolve()
    })
    stream.resume()
  })
}
