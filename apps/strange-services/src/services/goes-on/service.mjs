// "A service never crashes": a listener of its own that logs uncaught errors and goes on.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

process.on('uncaughtException', (error) => console.log('logged, and on we go:', error.message))

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const server = createServer((request, response) => {
  response.end('ok\n')
  if (request.url === '/mistake') setImmediate(() => undefined.property)
})

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
