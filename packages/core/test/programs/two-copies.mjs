// Two copies of core in one process, as when a bundle holds one: the second is loaded under another address.
import { bindProcess, createLifecycle } from '@lameduck/core'

const copy = await import(`${import.meta.resolve('@lameduck/core')}?copy`)
for (const [core, name, ms] of [[{ bindProcess, createLifecycle }, 'quick', 20], [copy, 'slow', 400]]) {
  const lifecycle = core.createLifecycle()
  lifecycle.add({ name, phase: 'work', drain: async () => (await new Promise((resolve) => setTimeout(resolve, ms)), console.log(`${name} drained`)) })
  await core.bindProcess(lifecycle).ready()
}
setInterval(() => {}, 1e6)
console.log('ready')
