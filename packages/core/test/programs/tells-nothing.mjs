// Work of which nobody can tell how it ended.
import { bindProcess, createLifecycle, createTally } from '@lameduck/core'

const tally = createTally()
const lifecycle = createLifecycle({ policy: process.argv[3] ? { exitCodes: { unknown: Number(process.argv[3]) } } : {} })
lifecycle.add({ name: 'broker', phase: 'producers', quiesce: () => tally.begin(), tally: tally.read, drain: () => tally.unknown('no acknowledgement (acks 0)', 3) })
await bindProcess(lifecycle, { terminationMessage: process.argv[2] }).ready()
setInterval(() => {}, 1e6)
console.log('ready')
