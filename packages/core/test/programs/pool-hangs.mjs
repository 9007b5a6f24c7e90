// A thread of libuv's pool waits for ever: for somebody to write into a FIFO.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { open } from 'node:fs'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: () => console.log('db drained') })
process.on('exit', (code) => console.log(`exit listener ${code}`))
await bindProcess(lifecycle).ready()
open(process.argv[2], 'r', () => {})
setInterval(() => {}, 1e6)
console.log('ready')
