// Nothing keeps the process alive, but its drain takes time; the exit code is the program's own.
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle()
lifecycle.add({ name: 'db', phase: 'connections', drain: async () => (await new Promise((resolve) => setTimeout(resolve, 300)), console.log('db drained')) })
await bindProcess(lifecycle).ready()
process.exitCode = Number(process.argv[2] ?? 0)
