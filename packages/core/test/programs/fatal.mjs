// An uncaught error, as an exception or as a rejection.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: () => console.log('db drained') })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
if (process.argv[2] === 'rejection') void Promise.reject(new Error('boom'))
else
  setImmediate(() => {
    throw new Error('boom')
  })
