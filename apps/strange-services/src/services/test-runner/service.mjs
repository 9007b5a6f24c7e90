// A project's tests, run by node --test, which start the app and stop it in the second of five tests.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
setInterval(() => {}, 60_000)
await bindProcess(lifecycle).ready()
console.log('ready')

const tests = spawn(process.execPath, ['--test', '--test-reporter=tap', fileURLToPath(new URL('app.test.mjs', import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] })
let tap = ''
tests.stdout.on('data', (data) => (tap += data))
tests.on('close', (code) => {
  for (const [, test] of tap.matchAll(/^\s*ok \d+ - (test \d)/gm)) console.log('passed', test)
  console.log('exit', code)
})
