// The program ends itself.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: () => console.log('db drained') })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
void lifecycle.stop({ kind: 'programmatic', detail: 'the work is done' })
