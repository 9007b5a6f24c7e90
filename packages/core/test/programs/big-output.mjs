// Two megabytes are written in the last step.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'log', phase: 'telemetry', drain: () => void process.stdout.write(`${'x'.repeat(2_000_000)}\n`) })
await bindProcess(lifecycle, { flushMs: Number(process.argv[2] ?? 500) }).ready()
setInterval(() => {}, 1e6)
console.log('ready')
