// A second lifecycle is bound while the first one stops on a signal, which it has not heard of.
import { bindProcess, createLifecycle } from '@lameduck/core'

const first = createLifecycle()
first.add({ name: 'first', phase: 'work', drain: () => new Promise((resolve) => setTimeout(resolve, 200)) })
first.stopping.addEventListener('abort', () => {
  setTimeout(() => {
    const second = createLifecycle()
    second.add({ name: 'second', phase: 'work', drain: () => console.log('second drained') })
    void bindProcess(second).ready()
  }, 50)
})
await bindProcess(first).ready()
setInterval(() => {}, 1e6)
console.log('ready')
