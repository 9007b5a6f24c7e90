// Its drain takes a second, or as many ms as its argument says: for what stands between a service and whoever sends the signal.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle({ policy: { graceMs: 5_000 } })
lifecycle.add({
  name: 'work',
  phase: 'work',
  quiesce: () => console.log('draining'),
  drain: () => new Promise((resolve) => setTimeout(resolve, Number(process.argv[2] ?? 1_000))),
})
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log(`ready ${process.pid}`)
