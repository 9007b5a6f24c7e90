// Bound, but not ready yet: something else takes its time, and a server would have a lame duck.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle({ policy: { lameDuck: { minMs: 20_000, maxMs: 20_000 } } })
lifecycle.add({ name: 'http', phase: 'intake', drainFrom: 'lame-duck-end', drain: () => console.log('http drained') })
const bound = bindProcess(lifecycle)
setInterval(() => {}, 1e6)
console.log('bound')
await new Promise((resolve) => setTimeout(resolve, 1e6))
await bound.ready()
