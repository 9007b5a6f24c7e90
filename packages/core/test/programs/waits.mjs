// A drain that takes a good two seconds.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
let mails = 2
lifecycle.add({ name: 'mailer', phase: 'work', inFlight: () => mails, waitingFor: () => ['mail to nobody'], drain })
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')

async function drain() {
  await new Promise((resolve) => setTimeout(resolve, 2_400))
  mails = 0
}
