// Three steps, of which the second hangs until the process is killed.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'http', phase: 'intake', drain: () => {} })
lifecycle.add({ name: 'worker', phase: 'work', drain: () => (console.log('hanging'), process.argv[3] === 'hangs' ? new Promise(() => {}) : undefined) })
lifecycle.add({ name: 'pool', phase: 'connections', drain: () => {} })
await bindProcess(lifecycle, { terminationMessage: process.argv[2] }).ready()
setInterval(() => {}, 1e6)
console.log('ready')
