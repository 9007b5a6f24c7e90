import { writeSync } from 'node:fs'
import { bindProcess, createLifecycle } from '@lameduck/core'

/** A service whose event loop is blocked for ever before its signal comes: only the watchdog can end it. */
const [graceMs, marginMs] = process.argv.slice(2).map(Number)
const lifecycle = createLifecycle({ policy: { graceMs, marginMs, lameDuck: { minMs: 0, quietMs: 0, maxMs: 0 } } })
await bindProcess(lifecycle, { terminationMessage: false }).ready()

// The watchdog's thread has started by then, on a tenth of a core too.
setTimeout(() => {
  writeSync(1, 'blocked\n')
  for (;;);
}, 3_000)
