// A thread of libuv's pool waits for ever: for somebody to write into a FIFO.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { open } from 'node:fs'

// Work on files is waited for until the deadline.
const lifecycle = createLifecycle({ policy: { graceMs: 2_000 } })
lifecycle.add({ name: 'db', phase: 'connections', drain: () => console.log('db drained') })
process.on('exit', (code) => console.log(`exit listener ${code}`))
await bindProcess(lifecycle).ready()
open(process.argv[2], 'r', () => {})
setInterval(() => {}, 1e6)
console.log('ready')
