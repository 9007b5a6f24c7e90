// One of several processes on one port: reuse-port.mjs <port> <close | drain>.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const [port, how] = process.argv.slice(2)
const server = createServer((_request, response) => response.end(`from ${process.pid}`))
server.listen({ port: Number(port), host: '127.0.0.1', reusePort: true }, () => console.log(`listening on ${server.address().port}`))
if (how === 'drain') {
  const lifecycle = createLifecycle()
  lifecycle.add(httpServer(server))
  await bindProcess(lifecycle).ready()
} else {
  process.on('SIGTERM', () => server.close())
}
