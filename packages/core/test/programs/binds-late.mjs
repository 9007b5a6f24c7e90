// A second lifecycle is bound while the first one stops, after a signal that it has not heard of: the one that began that stop, or a later one.
import { bindProcess, createLifecycle } from '@lameduck/core'

const first = createLifecycle()
first.add({ name: 'first', phase: 'work', drain: () => new Promise((resolve) => setTimeout(resolve, 300)) })
first.subscribe((event) => {
  const isLater = event.type === 'stop-repeated'
  if (!isLater && !(event.type === 'stop-begun' && event.reason.kind === 'signal')) return
  setTimeout(() => {
    const second = createLifecycle()
    second.add({ name: 'second', phase: 'work', drain: () => console.log('second drained') })
    void bindProcess(second).ready()
  }, 50)
})
await bindProcess(first).ready()
setInterval(() => {}, 1e6)
if (process.argv[2] === 'stops itself') void first.stop()
console.log('ready')
