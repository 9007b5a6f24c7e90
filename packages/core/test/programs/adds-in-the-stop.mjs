// A handler that nobody tracks adds a resource in the middle of the stop, and is broken off by the refusal.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'first', phase: 'work', drain: () => new Promise((resolve) => setTimeout(resolve, 100)) })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
async function handle() {
  lifecycle.add({ name: 'second', phase: 'work', drain: () => {} })
  console.log('never: the row is written')
}
lifecycle.stopping.addEventListener('abort', () => setImmediate(() => void handle()))
console.log('ready')
