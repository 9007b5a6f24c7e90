// Work that fails in the stop, and whose error nobody handles: a run of an interval, or a piece of tracked work.
import { bindProcess, createLifecycle, schedule, trackedWork } from '@lameduck/core'

const lifecycle = createLifecycle()
const signalled = new Promise((resolve) => lifecycle.stopping.addEventListener('abort', resolve))
const fail = async () => {
  console.log('begun')
  await signalled
  throw new Error('no paper')
}
if (process.argv[2] === 'schedule') lifecycle.add(schedule('print', fail, 10))
else {
  const work = trackedWork('print')
  lifecycle.add(work)
  setTimeout(() => void work.run(fail), 10)
}
setInterval(() => {}, 1e6)
await bindProcess(lifecycle).ready()
