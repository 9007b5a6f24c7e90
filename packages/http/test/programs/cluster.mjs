// A primary with two workers on one port: cluster.mjs <exit | drain>. Each worker prints its pid, the primary how each one ended.
import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

if (cluster.isPrimary) {
  cluster.on('exit', (worker, code, signal) => console.log(`gone ${worker.process.pid} ${signal ?? code}`))
  cluster.on('listening', (worker, { port }) => console.log(`worker ${worker.process.pid} listens on ${port}`))
  cluster.fork()
  cluster.fork()
} else {
  const server = createServer((_request, response) => setTimeout(() => response.end('ok'), 10))
  if (process.argv[2] === 'drain') {
    const lifecycle = createLifecycle({ policy: { lameDuck: { minMs: 200, quietMs: 50, maxMs: 400 } } })
    lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
    await bindProcess(lifecycle, { onReport: () => {} }).ready()
  } else {
    server.listen(0, '127.0.0.1')
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
  }
}
