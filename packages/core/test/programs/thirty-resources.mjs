// More resources than are told one by one, and all of them are over in one turn of the event loop.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
for (let index = 0; index < 30; index += 1) lifecycle.add({ name: `r${index}`, phase: 'work', drain: () => {} })
await bindProcess(lifecycle, { terminationMessage: process.argv[2], onReport: () => {} }).ready()
setInterval(() => {}, 1e6)
console.log('ready')
