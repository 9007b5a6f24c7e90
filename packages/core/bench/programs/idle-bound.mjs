// The same with a bound lifecycle of so many idle resources.
import { bindProcess, createLifecycle, phases } from '@lameduck/core'

const [resources = '0', watchdog = 'on'] = process.argv.slice(2)
const lifecycle = createLifecycle({ policy: { graceMs: 30_000 } })
for (let index = 0; index < Number(resources); index += 1) {
  lifecycle.add({ name: `resource ${index}`, phase: phases[index % phases.length], inFlight: () => 0, drain: () => {} })
}
await bindProcess(lifecycle, { watchdog: watchdog === 'on' }).ready()
setInterval(() => {}, 1e6)
console.log('ready')
