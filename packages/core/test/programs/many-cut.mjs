// What is cut rejects a hundred promises that nobody awaits; one more rejection is a failure of the service.
import { bindProcess, createLifecycle, LifecycleError } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({
  name: 'cut',
  phase: 'work',
  async drain() {
    for (let command = 0; command < 100; command += 1) void Promise.reject(new LifecycleError('wrong-state', 'the command was cut'))
    void Promise.reject(new Error('a failure'))
    await new Promise(setImmediate)
  },
})
setInterval(() => {}, 1e6)
await bindProcess(lifecycle).ready()
console.log('ready')
