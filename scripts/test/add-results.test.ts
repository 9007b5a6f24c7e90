import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

interface Total {
  passed: number
  failed: number
  skipped: number
}

// A plain program, since it runs before anything is built.
const { addResults, describeFailure } = (await import(new URL('../add-results.mjs', import.meta.url).href)) as {
  readonly describeFailure: (failure: { file: string; name: string; message: string }) => string
  readonly addResults: (folder: string, total: Total) => Promise<{ name: string; tests: number; tookMs: number; failures: { file: string; name: string; message: string }[] }[]>
}
const vitest = fileURLToPath(new URL('vitest.mjs', import.meta.resolve('vitest/package.json')))
const root = fileURLToPath(new URL('../..', import.meta.url))

test('what failed is named with its file, and a file that cannot be loaded is one failure', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(root, '.cache', 'add-results-'))
  const results = await mkdtemp(join(tmpdir(), 'add-results-'))
  onTestFinished(async () => {
    for (const each of [folder, results]) await rm(each, { recursive: true })
  })
  await writeFile(join(folder, 'vitest.config.mjs'), 'export default {}')
  await writeFile(join(folder, 'a.test.js'), `import { expect, test } from 'vitest'; test('adds', () => expect(1 + 1).toBe(3)); test('holds', () => {}); test.skip('later', () => {})`)
  await writeFile(join(folder, 'b.test.js'), `import './nowhere.js'`)
  const parameters = ['run', '--root', folder, '--reporter', 'json', '--outputFile', join(results, 'sums.json')]
  const code = await new Promise((resolve) => execFile(process.execPath, [vitest, ...parameters], { cwd: folder }, (error) => resolve(error?.code)))
  expect(code).toBe(1)

  const total = { passed: 0, failed: 0, skipped: 0 }
  const [sums] = await addResults(results, total)
  expect(total).toEqual({ passed: 1, failed: 2, skipped: 1 })
  expect(sums).toMatchObject({ name: 'sums', tests: 1 })
  const [adds, load] = sums!.failures.map(describeFailure)
  expect(adds).toMatch(/add-results-\w+\/a\.test\.js: adds\n {4}AssertionError: expected 2 to be 3/)
  expect(load).toMatch(/b\.test\.js: could not be loaded\n.*nowhere\.js/)
})
