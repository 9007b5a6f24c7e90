// An uncaught error in the middle of a stop that a signal began.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({
  name: 'db',
  phase: 'connections',
  drain: async () => {
    setImmediate(() => {
      throw new Error('late error')
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    console.log('db drained')
  },
})
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
