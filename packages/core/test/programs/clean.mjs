// Two resources, nothing wrong.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
const turn = () => new Promise((resolve) => setTimeout(resolve, 20))
lifecycle.add({ name: 'first', phase: 'intake', drain: turn })
lifecycle.add({ name: 'second', phase: 'connections', drain: async () => (await turn(), console.log('second drained')) })
await bindProcess(lifecycle, { signals: process.argv.slice(2).length > 0 ? process.argv.slice(2) : undefined }).ready()
setInterval(() => {}, 1e6)
console.log('ready')
