// The same with a bound lifecycle of so many idle resources.
import { bindProcess, createLifecycle, phases } from '@lameduck/core'

const [resources = '0', watchdog = 'on'] = process.argv.slice(2)
let thread
process.once('worker', (worker) => (thread = worker))
const lifecycle = createLifecycle({ policy: { graceMs: 30_000 } })
for (let index = 0; index < Number(resources); index += 1) {
  lifecycle.add({ name: `resource ${index}`, phase: phases[index % phases.length], inFlight: () => 0, drain: () => {} })
}
await bindProcess(lifecycle, { watchdog: watchdog === 'on' }).ready()
setInterval(() => {}, 1e6)
// A service has been up for a while when it is told to leave: the watchdog's thread has started, and is idle.
const look = setInterval(() => {
  if (thread !== undefined && thread.performance.eventLoopUtilization().idle === 0) return
  clearInterval(look)
  console.log('ready')
}, 5)
