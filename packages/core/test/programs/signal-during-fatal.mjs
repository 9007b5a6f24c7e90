// An uncaught error begins a short stop; during it the platform's signal comes, and a second error.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
const signalled = new Promise((resolve) => lifecycle.subscribe((event) => event.type === 'stop-repeated' && event.reason.kind === 'signal' && resolve()))
lifecycle.add({
  name: 'db',
  phase: 'connections',
  drain: async () => {
    console.log('draining')
    await signalled
    setImmediate(() => {
      throw new Error('second error')
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
  },
})
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
setImmediate(() => {
  throw new Error('first error')
})
