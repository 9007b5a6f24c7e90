// A service without a server: no-server.mjs <none | silent>. `silent` is a server that was attached and closed by hand, before the signal.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const lifecycle = createLifecycle()
const server = createServer()
if (process.argv[2] === 'silent') lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
setInterval(() => {}, 60_000)
await bindProcess(lifecycle).ready()
server.close(() => console.log('ready'))
