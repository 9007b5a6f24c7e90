// Leaves while a body is being sent on a stream that is no socket: http2-over-stream.mjs <frame | drain>. `frame` writes the GOAWAY frame itself.
import { connect, createServer } from 'node:http2'
import { createServer as createTcpServer } from 'node:net'
import { Duplex } from 'node:stream'
import { createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const [how] = process.argv.slice(2)
const goAway = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
const server = createServer((_request, response) => response.end(Buffer.alloc(32 * 1024 * 1024)))
const lifecycle = createLifecycle()
if (how === 'drain') lifecycle.add(httpServer(server))
const sessions = []
server.on('session', (session) => sessions.push(session))
const front = createTcpServer((socket) => server.emit('connection', Duplex.from({ readable: socket, writable: socket })))
front.listen(0, '127.0.0.1', () => {
  const client = connect(`http://127.0.0.1:${front.address().port}`)
  const stream = client.request({ ':path': '/' })
  let bytes = 0
  stream.once('data', () => {
    console.log('leaving')
    front.close()
    if (how === 'drain') void lifecycle.stop().then(({ result }) => console.log(`stopped ${result}`))
    else for (const session of sessions) session.socket.valueOf().write(goAway)
  })
  stream.on('data', (chunk) => (bytes += chunk.length))
  stream.on('end', () => {
    console.log(`received ${bytes} bytes`)
    client.close()
  })
})
