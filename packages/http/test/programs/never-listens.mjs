// A server that nobody tells to listen: never-listens.mjs <alone | busy>. `busy`: something else keeps the process alive.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const lifecycle = createLifecycle()
const server = createServer()
lifecycle.add(httpServer(server))
if (process.argv[2] === 'busy') setInterval(() => {}, 60_000)
await bindProcess(lifecycle).ready()
server.listen(0, '127.0.0.1')
