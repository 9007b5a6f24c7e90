// A service under nodemon, which restarts it when this file's neighbour changes.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle({ policy: { graceMs: 5_000 } })
lifecycle.add({ name: 'db', phase: 'connections', drain: () => console.log('db drained') })
await bindProcess(lifecycle, { signals: process.argv.slice(2) }).ready()
setInterval(() => {}, 1e6)
console.log(`ready ${process.pid}`)
