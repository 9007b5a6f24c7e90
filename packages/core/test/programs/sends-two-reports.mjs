// Two lifecycles: the first ends at once and sends its report for long, the second ends while that is going on.
import { bindProcess, createLifecycle } from '@lameduck/core'

for (const [name, drainMs, sendMs] of [['first', 1, 600], ['second', 100, 1]]) {
  const lifecycle = createLifecycle()
  lifecycle.add({ name, phase: 'work', drain: () => new Promise((resolve) => setTimeout(resolve, drainMs)) })
  const onReport = async () => (await new Promise((resolve) => setTimeout(resolve, sendMs)), console.log(`${name} sent`))
  await bindProcess(lifecycle, { onReport }).ready()
}
setInterval(() => {}, 1e6)
console.log('ready')
