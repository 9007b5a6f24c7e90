// A primary with two workers, which drain by themselves; one more is forked too late.
import { bindProcess, clusterWorkers, createLifecycle } from '@lameduck/core'
import cluster from 'node:cluster'

// In 'hangs' the primary's time is over long before the workers'.
const lifecycle = createLifecycle({ policy: { graceMs: cluster.isPrimary && process.argv[2] === 'hangs' ? 1_000 : 30_000 } })
if (cluster.isPrimary) {
  lifecycle.add(clusterWorkers(cluster))
  await bindProcess(lifecycle).ready()
  let online = 0
  cluster.on('message', (_worker, message) => message === 'ready' && (online += 1) === 2 && console.log('ready'))
  cluster.on('exit', () => process.argv[2] === 'replaces' && cluster.fork())
  cluster.fork()
  cluster.fork()
} else {
  lifecycle.add({ name: 'db', phase: 'connections', drain: () => (process.argv[2] === 'hangs' ? new Promise(() => {}) : console.log(`worker ${cluster.worker.id} drained`)) })
  await bindProcess(lifecycle, { onReport: () => {} }).ready()
  process.send('ready')
}
