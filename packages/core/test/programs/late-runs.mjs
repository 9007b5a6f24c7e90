// Schedulers that go on for a moment when they were told to end: one drops the promise of a run, one awaits it, and one does so in a promise that it drops.
import { bindProcess, createLifecycle, schedule } from '@lameduck/core'

const lifecycle = createLifecycle()
const runs = {}
for (const name of ['dropped', 'awaited', 'wrapped']) {
  lifecycle.add(schedule(name, async () => console.log(`${name} ran`), (run) => ((runs[name] = run), () => {})))
}
lifecycle.add({ name: 'last', phase: 'connections', drain })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')

async function drain() {
  void runs.dropped()
  await runs.awaited().then(
    () => console.log('awaited is done'),
    ({ code }) => console.log(`awaited is ${code}, and kept`),
  )
  void (async () => await runs.wrapped())()
  await new Promise((resolve) => setTimeout(resolve, 20))
}
