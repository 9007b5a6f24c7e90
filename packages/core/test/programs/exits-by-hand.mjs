// Somebody calls process.exit: before a stop, or in the middle of one.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: () => (setTimeout(() => process.exit(5), 20), new Promise(() => {})) })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
if (process.argv[2] === 'before') process.exit(4)
