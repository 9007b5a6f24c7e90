// A primary with two workers on one port: cluster.mjs <exit | drain | blocked>. The primary prints how each one ended. In 'blocked'
// it is busy when a worker closes its listener: new connections wait before that news, and are handed to the worker.
import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

if (cluster.isPrimary) {
  cluster.on('exit', (worker, code, signal) => console.log(`gone ${worker.process.pid} ${signal ?? code}`))
  cluster.on('listening', (worker, { port }) => console.log(`worker ${worker.process.pid} listens on ${port}`))
  cluster.on('message', (_worker, message) => {
    if (message !== 'be busy') return
    beBusy(400)
    console.log(`free ${Date.now()}`)
  })
  cluster.fork()
  cluster.fork()
} else {
  const server = createServer((_request, response) => {
    // Then its clients never stop connecting.
    if (process.argv[2] === 'blocked') response.shouldKeepAlive = false
    setTimeout(() => response.end('ok'), 10)
  })
  if (process.argv[2] !== 'exit') {
    const lifecycle = createLifecycle({ policy: { lameDuck: { minMs: 200, quietMs: 50, maxMs: 400 } } })
    lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
    lifecycle.subscribe(({ type }) => {
      if (process.argv[2] !== 'blocked' || type !== 'lame-duck-ended') return
      process.send('be busy')
      beBusy(200)
    })
    await bindProcess(lifecycle, { onReport: () => console.log(`stopped ${Date.now()}`) }).ready()
  } else {
    server.listen(0, '127.0.0.1')
    for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0))
  }
}

function beBusy(ms) {
  const until = performance.now() + ms
  while (performance.now() < until);
}
