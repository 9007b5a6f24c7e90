// The report is written to a file, without waiting for it, with much else.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { writeFile } from 'node:fs'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: () => {} })
await bindProcess(lifecycle, { onReport: () => writeFile(process.argv[2], Buffer.alloc(200_000_000), () => {}) }).ready()
setInterval(() => {}, 1e6)
console.log('ready')
