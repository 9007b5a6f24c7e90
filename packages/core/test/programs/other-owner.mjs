// A copied helper that owns the signal as well.
import { bindProcess, createLifecycle } from '@lameduck/core'

process.on('SIGTERM', function closeEverything() {
  setTimeout(() => process.exit(0), 10)
})
const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: () => new Promise(() => {}) })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
