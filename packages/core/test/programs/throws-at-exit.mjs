// A listener of `exit` throws, which ends process.exit() before the process.
import { bindProcess, createLifecycle } from '@lameduck/core'

process.on('exit', () => {
  throw new Error('at the end')
})
const lifecycle = createLifecycle({ policy: { graceMs: 3_000 } })
lifecycle.add({ name: 'db', phase: 'connections', drain: () => {} })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
