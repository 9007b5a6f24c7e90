// A resource whose start hangs until it is aborted.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', start: () => console.log('db started'), drain: () => console.log('db drained') })
lifecycle.add({
  name: 'http',
  phase: 'intake',
  start: ({ signal }) => new Promise((_resolve, reject) => (console.log('starting'), signal.addEventListener('abort', () => reject(signal.reason)))),
  drain: () => console.log('never'),
})
setInterval(() => {}, 1e6)
await bindProcess(lifecycle).ready()
console.log('never')
