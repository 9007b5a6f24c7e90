// A mistake of the service in the middle of its stop, which core itself refuses: the work that makes it is thrown away.
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'

const lifecycle = createLifecycle()
const drain = async () => {
  setImmediate(() => trackedWork(''))
  await new Promise((resolve) => setTimeout(resolve, 50))
}
lifecycle.add({ name: 'db', phase: 'connections', drain })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
