// The event loop is blocked before the signal comes, for ever or until somebody closes stdin.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { readSync, writeSync } from 'node:fs'

let thread
process.once('worker', (worker) => (thread = worker))
const announced = process.argv[4] === 'preStop'
const lifecycle = createLifecycle({ policy: { graceMs: announced ? 5_000 : 2_000, marginMs: 1_000 } })
lifecycle.add({ name: 'pool', phase: 'connections', drain: () => console.log('pool drained') })
await bindProcess(lifecycle, { terminationMessage: process.argv[2] }).ready()
setInterval(() => {}, 1e6)
// The watchdog's thread is up when its event loop has been idle for the first time.
const look = setInterval(() => {
  if (thread.performance.eventLoopUtilization().idle === 0) return
  clearInterval(look)
  if (!announced) return busy()
  lifecycle.preStop()
  console.log('announced')
  setTimeout(busy, 1_500)
}, 5)

function busy() {
  writeSync(1, 'blocked\n')
  if (process.argv[3] === 'for ever') for (;;);
  readSync(0, new Uint8Array(1))
}
