// A drain that takes a good two seconds.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'mailer', phase: 'work', inFlight: () => 2, waitingFor: () => ['mail to nobody'], drain: () => new Promise((resolve) => setTimeout(resolve, 2_400)) })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
