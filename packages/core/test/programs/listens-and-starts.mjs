// Somebody else listens to the signal, which comes in the middle of the start.
import { bindProcess, createLifecycle } from '@lameduck/core'

process.on('SIGTERM', function exitAtOnce() {
  process.exit(0)
})
const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', start: () => (console.log('starting'), new Promise(() => {})), drain: () => {} })
setInterval(() => {}, 1e6)
await bindProcess(lifecycle).ready()
