import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

// From dist, with Node's own runner, as an author outside this repository uses it.

const program = fileURLToPath(new URL('worker-pool.node-test.mjs', import.meta.url))

function runNodeTest(mistake: string): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('NODE_') && !name.startsWith('VITEST')))
  return new Promise((resolve) => {
    execFile(process.execPath, ['--test', '--test-reporter=tap', program], { env: { ...env, MISTAKE: mistake } }, (_error, stdout) => resolve(stdout))
  })
}

const failed = (output: string): string[] => [...output.matchAll(/^not ok \d+ - (.*)$/gm)].map(([, name]) => String(name))

test('a pool of threads passes, and what it cannot be asked is skipped', async () => {
  const output = await runNodeTest('')
  expect(failed(output), output).toEqual([])
  expect(output).toMatch(/^# pass 34$/m)
  expect(output).toMatch(/^# skipped 46$/m)
  expect(output).toMatch(/^ok \d+ - check passes when it is usable \(not applicable: no resource\.check\) # SKIP$/m)
})

test('one that forgets its threads is told so', async () => {
  const output = await runNodeTest('leak')
  expect(failed(output), output).toEqual(['nothing is left in the process after drain: no timer, no socket'])
})

test('a harness whose work ends by itself is told so', async () => {
  const output = await runNodeTest('harness')
  expect(failed(output)).toContain('drain finishes what is in flight, and only then settles')
  expect(output).toContain("the harness's busy() gave work that finished before finish() was called: it must be in flight until then")
})
