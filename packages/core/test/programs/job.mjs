// A finite job of 1,000 units, interrupted or not.
import { bindProcess, createLifecycle } from '@lameduck/core'

let left = process.argv[2] === 'short' ? 3 : 1_000_000
const lifecycle = createLifecycle()
const unit = () => new Promise((resolve) => setImmediate(resolve))
async function work() {
  while (left > 0 && !lifecycle.stopping.aborted) {
    await unit()
    left -= 1
  }
}
lifecycle.add({ name: 'import', phase: 'work', drain: () => working, unfinished: () => left })
const bound = bindProcess(lifecycle)
await bound.ready()
const working = work()
console.log('ready')
await working
