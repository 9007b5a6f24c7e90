// socket.io, whose clients are behind a firewall that lets nothing but polling through.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { Server } from 'socket.io'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const server = createServer()
const io = new Server(server)
io.on('connection', (socket) => socket.on('hello', (name, acknowledge) => acknowledge(`hello ${name}`)))

// The polls are told when the lame duck is over, for the drain waits for them.
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' }, onDrain: () => io.engine.close() }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
