// Leaves while a body is being sent over TLS: http2-over-tls.mjs <frame | drain> <key> <certificate>. `frame` writes the GOAWAY frame itself.
import { createSecureServer, connect } from 'node:http2'
import { createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const [how, key, cert] = process.argv.slice(2)
const goAway = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
const server = createSecureServer({ key, cert }, (_request, response) => response.end(Buffer.alloc(32 * 1024 * 1024)))
const lifecycle = createLifecycle()
if (how === 'drain') lifecycle.add(httpServer(server))
const sessions = []
server.on('session', (session) => sessions.push(session))
server.listen(0, '127.0.0.1', () => {
  const client = connect(`https://127.0.0.1:${server.address().port}`, { rejectUnauthorized: false })
  const stream = client.request({ ':path': '/' })
  let bytes = 0
  stream.once('data', () => {
    console.log('leaving')
    if (how === 'drain') void lifecycle.stop()
    else for (const session of sessions) session.socket.valueOf().write(goAway)
  })
  stream.on('data', (chunk) => (bytes += chunk.length))
  stream.on('end', () => {
    console.log(`received ${bytes} bytes`)
    client.close()
    server.close()
  })
})
