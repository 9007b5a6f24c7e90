// Modules that take long to load and block the event loop meanwhile; bound only after that.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { readSync, writeSync } from 'node:fs'

writeSync(1, 'loading\n')
// Until the test has sent its signal, which it says on stdin.
readSync(0, new Uint8Array(1))
const lifecycle = createLifecycle({ policy: { lameDuck: { minMs: 20_000, maxMs: 20_000 } } })
lifecycle.add({ name: 'http', phase: 'intake', drainFrom: 'lame-duck-end', drain: () => console.log('http drained') })
setInterval(() => {}, 1e6)
await bindProcess(lifecycle).ready()
console.log('ready')
