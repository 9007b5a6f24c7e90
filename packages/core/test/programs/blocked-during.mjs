// The second of three steps blocks the event loop for ever.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle({ policy: { graceMs: 2_000, marginMs: 1_000 } })
lifecycle.add({ name: 'http', phase: 'intake', drain: () => {} })
lifecycle.add({
  name: 'cache',
  phase: 'work',
  drain: function flushCache() {
    console.log('blocking')
    for (;;);
  },
})
lifecycle.add({ name: 'pool', phase: 'connections', drain: () => console.log('never') })
await bindProcess(lifecycle, { terminationMessage: process.argv[2] }).ready()
setInterval(() => {}, 1e6)
console.log('ready')
