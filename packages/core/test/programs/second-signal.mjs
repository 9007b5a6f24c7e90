// A drain that goes on until a second signal has come, and some more.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
const repeated = new Promise((resolve) => lifecycle.subscribe((event) => event.type === 'stop-repeated' && resolve()))
lifecycle.add({
  name: 'slow',
  phase: 'intake',
  drain: async () => {
    console.log('draining')
    await repeated
    await new Promise((resolve) => setTimeout(resolve, 50))
    console.log('drained after the second')
  },
})
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
