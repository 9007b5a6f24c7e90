// A start that fails after another has succeeded.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', start: () => {}, drain: () => console.log('db drained') })
lifecycle.add({
  name: 'http',
  phase: 'intake',
  start: () => {
    throw new Error('port 80 is in use')
  },
  drain: () => console.log('never'),
})
await bindProcess(lifecycle).ready()
console.log('never')
