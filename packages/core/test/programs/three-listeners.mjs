// Three listeners of others: one begins a timer that ends the process while the second runs, a third. Beside them a crash reporter, a real error, and a stranger's exit.
import { bindProcess, createLifecycle } from '@lameduck/core'

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
process.on('uncaughtException', (error) => console.error(`crash reporter: ${error.message}`))
const listeners = {
  first() {
    console.log('first')
    setTimeout(() => process.exit(1), 700)
  },
  async second() {
    console.log('second begins')
    await after(600)
    console.log('second ends')
  },
  async third() {
    console.log('third')
    void Promise.reject(new Error('a real error'))
  },
}
for (const name of Object.keys(listeners)) process.on('SIGTERM', listeners[name])
const lifecycle = createLifecycle({ policy: { graceMs: 8_000, phases: { work: { reserveMs: 300 } } } })
const drain = async () => {
  // Of nobody whom lameduck runs.
  stranger.emit()
  await after(100)
  console.log('db drained')
}
const stranger = { emit: () => {} }
const channel = new MessageChannel()
channel.port1.on('message', () => process.exit(1))
channel.port1.unref()
stranger.emit = () => channel.port2.postMessage(1)
lifecycle.add({ name: 'db', phase: 'connections', drain })
await bindProcess(lifecycle, { otherListeners: 'adopt', onUncaught: 'leave' }).ready()
setInterval(() => {}, 1e6)
console.log('ready')
