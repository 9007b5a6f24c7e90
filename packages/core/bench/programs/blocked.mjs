// A service whose event loop is blocked for ever before its signal comes: only the watchdog can end it.
import { writeSync } from 'node:fs'
import { bindProcess, createLifecycle } from '@lameduck/core'

const [graceMs, marginMs] = process.argv.slice(2).map(Number)
let thread
process.once('worker', (worker) => (thread = worker))
const lifecycle = createLifecycle({ policy: { graceMs, marginMs } })
await bindProcess(lifecycle, { terminationMessage: false }).ready()
setInterval(() => {}, 1e6)
// A service has been up for a while when it is blocked: the watchdog's thread has started, and is idle.
const look = setInterval(() => {
  if (thread === undefined || thread.performance.eventLoopUtilization().idle === 0) return
  clearInterval(look)
  setTimeout(() => {
    writeSync(1, 'blocked\n')
    for (;;);
  }, 2_000)
}, 50)
