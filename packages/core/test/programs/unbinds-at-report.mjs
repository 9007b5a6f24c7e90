// Unbound by whoever gets its report, at once or while that is sent: the program lives on.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: () => {} })
const turn = () => new Promise((resolve) => setTimeout(resolve, 50))
const receivers = { 'at once': () => bound.unbind(), 'while it is sent': async () => (await turn(), bound.unbind(), await turn()) }
const bound = bindProcess(lifecycle, { onReport: receivers[process.argv[2]] })
await bound.ready()
await lifecycle.stop()
await new Promise((resolve) => setTimeout(resolve, 400))
console.log('still here')
process.exitCode = 3
