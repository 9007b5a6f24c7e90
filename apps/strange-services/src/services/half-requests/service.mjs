// Nothing is wrong with the service: its clients begin things and leave them so.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { WebSocketServer } from 'ws'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const server = createServer((request, response) => response.end('ok\n'))
const sockets = new WebSocketServer({ noServer: true })
server.on('upgrade', (request, socket, head) => {
  // Whoever asks for something else gets no answer.
  if (request.url === '/ws') sockets.handleUpgrade(request, socket, head, () => console.log('upgraded'))
  else console.log('left alone')
})
server.on('connection', () => console.log('connected'))

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
