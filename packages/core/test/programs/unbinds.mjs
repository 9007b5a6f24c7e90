// Of two lifecycles the first ends, and the other is unbound, twice, in the middle of a busy stop.
import { bindProcess, createLifecycle } from '@lameduck/core'

const first = createLifecycle()
first.add({ name: 'first', phase: 'work', drain: () => {} })
await bindProcess(first).ready()
const other = createLifecycle()
for (let index = 0; index < 30; index += 1) other.add({ name: `r${index}`, phase: 'work', drain: () => {} })
other.add({ name: 'slow', phase: 'connections', drain: () => new Promise((resolve) => setTimeout(resolve, 300)) })
const bound = bindProcess(other, { terminationMessage: process.argv[2] })
await bound.ready()
first.subscribe((event) => {
  if (event.type !== 'stopped') return
  setImmediate(() => {
    bound.unbind()
    bound.unbind()
  })
})
setInterval(() => {}, 1e6)
console.log('ready')
