// A start that waits for something which nobody in the process will do.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', start: () => {}, drain: () => console.log('db drained') })
lifecycle.add({
  name: 'http',
  phase: 'intake',
  start: ({ signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  waitingFor: () => ['its server to listen'],
  drain: () => console.log('never'),
})
await bindProcess(lifecycle).ready()
console.log('never')
