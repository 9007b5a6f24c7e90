// A lease is released in the first moments, beside a lame duck that outlives the process.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { writeFile } from 'node:fs/promises'

const lifecycle = createLifecycle({ policy: { lameDuck: { minMs: 20_000, maxMs: 20_000 } } })
lifecycle.add({ name: 'http', phase: 'intake', drainFrom: 'lame-duck-end', drain: () => {} })
lifecycle.add({
  name: 'lease',
  phase: 'connections',
  drainFrom: 'signal',
  drain: async () => {
    await writeFile(process.argv[2], 'released')
    console.log('released')
  },
})
await bindProcess(lifecycle).ready()
setInterval(() => {}, 1e6)
console.log('ready')
