// Bound first, as it should be; what it is made of is added bit by bit, and a stop comes in between, or is over.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'first', phase: 'work', drain: () => new Promise((resolve) => setTimeout(resolve, 100)) })
const bound = bindProcess(lifecycle)
setInterval(() => {}, 1e6)
const stopped = new Promise((resolve) => lifecycle.stopping.addEventListener('abort', resolve))
console.log('bound')
await stopped
if (process.argv[2] === 'over') await lifecycle.stop()
lifecycle.add({ name: 'second', phase: 'work', drain: () => {} })
await bound.ready()
