// Two lifecycles with one termination message: the one that ends first is cut, the other is clean.
import { bindProcess, createLifecycle } from '@lameduck/core'

for (const [name, drain, timeoutMs] of [['cut', () => new Promise(() => {}), 100], ['clean', () => new Promise((resolve) => setTimeout(resolve, 400)), 5_000]]) {
  const lifecycle = createLifecycle()
  lifecycle.add({ name, phase: 'work', drain, timeoutMs })
  await bindProcess(lifecycle, { terminationMessage: process.argv[2] }).ready()
}
setInterval(() => {}, 1e6)
console.log('ready')
