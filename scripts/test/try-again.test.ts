import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execFile } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'

interface Failure {
  readonly file: string
  readonly name: string
  readonly message: string
}

// A plain program, since it runs before anything is built.
const { tryAgain } = (await import(new URL('../try-again.mjs', import.meta.url).href)) as {
  readonly tryAgain: (failures: readonly Failure[], total: { passed: number; failed: number }, runFile: (file: string, results: string) => Promise<number>) => Promise<void>
}
const vitest = fileURLToPath(new URL('vitest.mjs', import.meta.resolve('vitest/package.json')))
const cache = fileURLToPath(new URL('../../.cache', import.meta.url))

const failure = (file: string, message = 'AssertionError: expected 2 to be 3'): Failure => ({ file, name: 'adds', message })

/** Runs the real runner on files of these sources; `ran` has what was run. */
async function scene(sources: Readonly<Record<string, string>>): Promise<{ pathOf: (name: string) => string; runFile: (file: string, results: string) => Promise<number>; ran: string[] }> {
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'try-again-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'vitest.config.mjs'), 'export default {}')
  for (const [name, source] of Object.entries(sources)) await writeFile(join(folder, name), source)
  const ran: string[] = []
  return {
    pathOf: (name) => join(folder, name),
    ran,
    runFile: (file, results) =>
      new Promise((resolve) => {
        ran.push(basename(file))
        const parameters = ['run', '--root', folder, '--reporter', 'json', '--outputFile', join(results, 'x.json'), basename(file)]
        execFile(process.execPath, [vitest, ...parameters], { cwd: folder }, (error) => resolve(Number(error?.code ?? 0)))
      }),
  }
}

const passing = `import { test } from 'vitest'; test('adds', () => {})`
const failing = `import { expect, test } from 'vitest'; test('adds', () => expect(1 + 1).toBe(3))`

test('what passes alone is no failure, and what fails again is one', { timeout: 60_000 }, async () => {
  const { pathOf, runFile, ran } = await scene({ 'a.test.js': passing, 'b.test.js': failing })
  const total = { passed: 10, failed: 3 }
  await tryAgain([failure(pathOf('a.test.js')), failure(pathOf('a.test.js')), failure(pathOf('b.test.js'))], total, runFile)
  expect(ran).toEqual(['a.test.js', 'b.test.js'])
  expect(total).toEqual({ passed: 12, failed: 1 })
})

test('what ran nothing, or whose runner failed beside its tests, has not passed', { timeout: 60_000 }, async () => {
  const { pathOf, runFile } = await scene({
    'a.test.js': `import { test } from 'vitest'; test.skip('adds', () => {})`,
    'b.test.js': `import { test } from 'vitest'; test('adds', () => void Promise.reject(new Error('unseen')))`,
  })
  const total = { passed: 0, failed: 2 }
  await tryAgain([failure(pathOf('a.test.js')), failure(pathOf('b.test.js'))], total, runFile)
  expect(total).toEqual({ passed: 0, failed: 2 })
})

test('a path that has the word is no loss', { timeout: 60_000 }, async () => {
  const { pathOf, runFile, ran } = await scene({ 'lost.test.js': passing })
  const total = { passed: 0, failed: 1 }
  await tryAgain([failure(pathOf('lost.test.js'), `AssertionError: expected 2 to be 3\n    at ${pathOf('lost.test.js')}:1:1`)], total, runFile)
  expect({ ran, failed: total.failed }).toEqual({ ran: ['lost.test.js'], failed: 0 })
})

test.for([
  ['that something was lost', [failure('a.test.js', 'the report says clean, and 2 were lost: 1, 2')]],
  ['too often', Array.from({ length: 5 }, () => failure('a.test.js'))],
] as const)('what failed %s is not tried again', async ([, failures]) => {
  const { runFile, ran } = await scene({})
  const total = { passed: 0, failed: failures.length }
  await tryAgain(failures, total, runFile)
  expect(ran).toEqual([])
  expect(total.failed).toBe(failures.length)
})
