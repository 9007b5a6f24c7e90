// An uncaught error whose stack cannot be read, as with a broken source map.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: () => console.log('db drained') })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
setImmediate(() => {
  throw Object.defineProperty(new Error('boom'), 'stack', {
    get() {
      throw new Error('no source map')
    },
  })
})
