// A deadline was announced and has passed; the event loop is free, and knows what is left.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle({ policy: { graceMs: 3_000 } })
lifecycle.add({ name: 'db', phase: 'connections', drain: () => new Promise((resolve) => setTimeout(resolve, 100)), force: () => {} })
await bindProcess(lifecycle).ready()
lifecycle.shrinkTo(1, 'a spot notice')
setInterval(() => {}, 1e6)
setTimeout(() => console.log('ready'), 300)
