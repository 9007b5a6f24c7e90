// The first of three steps never settles.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle({ policy: { graceMs: 3_000, marginMs: 500, phases: { intake: { reserveMs: 1_000 }, work: { reserveMs: 300 }, connections: { reserveMs: 300 } } } })
const turn = () => new Promise((resolve) => setTimeout(resolve, 100))
lifecycle.add({ name: 'first', phase: 'intake', drain: () => new Promise(() => {}), force: () => console.log('first forced'), inFlight: () => 3 })
lifecycle.add({ name: 'second', phase: 'work', drain: turn })
lifecycle.add({ name: 'third', phase: 'connections', drain: turn })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
