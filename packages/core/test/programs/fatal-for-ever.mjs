// Errors that never end.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle({ policy: { fatalMs: 1_000 } })
lifecycle.add({ name: 'db', phase: 'connections', drain: () => new Promise((resolve) => setTimeout(resolve, 300)) })
await bindProcess(lifecycle).ready()
console.log('ready')
setInterval(() => {
  throw new Error('again')
}, 1)
