// Two lifecycles in one process, the second slower.
import { bindProcess, createLifecycle } from '@lameduck/core'

for (const [name, ms] of [['quick', 1], ['slow', 100]]) {
  const lifecycle = createLifecycle()
  lifecycle.add({ name, phase: 'work', drain: async () => (await new Promise((resolve) => setTimeout(resolve, ms)), console.log(`${name} drained`)) })
  await bindProcess(lifecycle).ready()
}
setInterval(() => {}, 1e6)
console.log('ready')
