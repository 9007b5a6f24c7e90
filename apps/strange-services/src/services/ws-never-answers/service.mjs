// Imports over WebSockets: each message begins minutes of work of which nobody is told anything. lameduck cannot know of it; it can doubt.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { WebSocketServer } from 'ws'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const server = createServer()

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', async (data) => {
    const id = data.toString()
    console.log('began', id)
    await new Promise((resolve) => setTimeout(resolve, 60_000))
    console.log('finished', id)
  })
})

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
