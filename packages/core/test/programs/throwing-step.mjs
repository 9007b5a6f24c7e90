// The first of two steps throws.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({
  name: 'first',
  phase: 'intake',
  drain: () => {
    throw new Error('drain threw')
  },
})
lifecycle.add({ name: 'second', phase: 'connections', drain: () => console.log('second drained') })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
