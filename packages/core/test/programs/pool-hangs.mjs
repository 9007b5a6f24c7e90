// A thread of libuv's pool waits for ever: for somebody to write into a FIFO.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { open, readFile } from 'node:fs'
import { readFile as promiseOfFile } from 'node:fs/promises'

// Work on files is waited for until the deadline.
const lifecycle = createLifecycle({ policy: { graceMs: 2_000 } })
lifecycle.add({ name: 'db', phase: 'connections', drain: () => console.log('db drained') })
process.on('exit', (code) => console.log(`exit listener ${code}`))
await bindProcess(lifecycle).ready()
const [, , fifo, how] = process.argv
if (how === 'open') open(fifo, 'r', () => {})
if (how === 'readFile') readFile(fifo, () => {})
if (how === 'promise') promiseOfFile(fifo).catch(() => {})
setInterval(() => {}, 1e6)
console.log('ready')
