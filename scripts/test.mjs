#!/usr/bin/env node
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { addResults, describeFailure } from './add-results.mjs'
import { serversFor } from './servers-for.mjs'
import { root, setUp } from './setup.mjs'
import { command, progress, run, StepError } from './step.mjs'
import { tryAgain } from './try-again.mjs'

/**
 * Checks of the whole repository; each counts as one test.
 *
 * @type {[name: string, command: string[]][]}
 */
const checks = [
  ['lint', ['oxlint', '--type-aware']],
  ['types', ['tsc', '--project', 'tsconfig.json']],
  ['house rules', ['node', 'scripts/dist/check-house.js']],
  ['unused code and dependencies', ['knip']],
]

/**
 * Which packages are tested, and how many of them side by side. The clients, and what measures time, keep the processor busy by
 * themselves; the others mostly wait for processes that they have started.
 */
const rounds = [
  { filters: ['core', 'conformance', 'http', 'adapter-kafkajs', 'adapter-ioredis', 'adapter-pg'].map((name) => `@lameduck/${name}`), sideBySide: 1 },
  { filters: [], sideBySide: 2 },
]

/** Where turbo writes what came of each task. */
const summaries = join(root, '.turbo', 'runs')

await command(async ({ onEnd }) => {
  const { values } = readParameters()
  const env = await setUp()
  // One set of real servers for all packages, handed on as the URLs that a user could give.
  const { urls, missing } = await serversFor(onEnd, (message) => process.stderr.write(`${message}\n`))
  if (missing.length > 0) throw new StepError(missing.join('\n'))
  const results = join(root, '.cache', 'results')
  await rm(results, { recursive: true, force: true })
  await mkdir(results, { recursive: true })

  const total = { passed: 0, failed: 0, skipped: 0 }
  if (!values.slow) await checkAll(env, total)
  const testEnv = { ...env, ...urls, LAMEDUCK_RESULTS: results }
  const failed = values.slow ? await runTests('test:slow', [], 1, testEnv) : await runRounds(testEnv)
  const packages = await addResults(results, total)
  const failures = tell(packages)
  if (!values.once && !values.slow) await tryAgain(failures, total, (file, folder) => runFile(file, { ...testEnv, LAMEDUCK_RESULTS: folder }))
  for (const task of failed) {
    if (packages.some(({ name, failures: some }) => some.length > 0 && task.startsWith(`@lameduck/${name}#test`))) continue
    process.stdout.write(`✗ ${task} ended with an error outside its tests; see above\n`)
    total.failed += 1
  }
  process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
  return total.failed === 0 ? 0 : 1
})

function readParameters() {
  try {
    return parseArgs({ options: { slow: { type: 'boolean', default: false }, once: { type: 'boolean', default: false } } })
  } catch (error) {
    throw new StepError(`${error.message}\nnpm test takes --once, which tries nothing a second time; npm run test:slow runs what takes long`)
  }
}

async function checkAll(env, total) {
  for (const [name, parameters] of checks) {
    const shown = progress(name)
    const { code, output } = await run('pnpm', ['exec', ...parameters], { env, cwd: root })
    shown.end(code === 0 ? 'done' : 'failed')
    process.stdout.write(code === 0 ? `✓ ${name}\n` : `✗ ${name}\n${output.trim()}\n`)
    total[code === 0 ? 'passed' : 'failed'] += 1
  }
}

async function runRounds(env) {
  const failed = []
  const before = []
  for (const { filters, sideBySide } of rounds) {
    failed.push(...await runTests('test', [...filters, ...before.map((filter) => `!${filter}`)], sideBySide, env))
    before.push(...filters)
  }
  return failed
}

/** Returns the tasks that failed, such as `@lameduck/core#test`. */
async function runTests(task, filters, sideBySide, env) {
  const parameters = ['run', task, ...filters.map((filter) => `--filter=${filter}`), '--continue', `--concurrency=${sideBySide}`, '--output-logs=full', '--log-order=grouped', '--summarize']
  await rm(summaries, { recursive: true, force: true })
  const { code } = await run('pnpm', ['exec', 'turbo', ...parameters], { env, cwd: root, show: true })
  if (code === 0) return []
  const [summary] = await readdir(summaries).catch(() => [])
  const { tasks } = summary ? JSON.parse(await readFile(join(summaries, summary), 'utf8')) : { tasks: [] }
  const failed = tasks.filter(({ execution }) => execution && execution.exitCode !== 0).map(({ taskId }) => taskId)
  return failed.length > 0 ? failed : [`turbo run ${task}`]
}

async function runFile(file, env) {
  const folder = await packageOf(file)
  const { code } = await run('pnpm', ['run', 'test', relative(folder, file)], { env, cwd: folder, show: true })
  return code
}

/** The nearest folder above the file whose package has tests. */
async function packageOf(file) {
  for (let folder = dirname(file); folder.startsWith(root); folder = dirname(folder)) {
    const description = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}')
    if (JSON.parse(description).scripts?.test !== undefined) return folder
  }
  throw new StepError(`no package has the test ${file}`)
}

/** At the end, where somebody looks: the runners' own words may be thousands of lines above. */
function tell(packages) {
  for (const { name, tests, tookMs } of packages) process.stdout.write(`${name}: ${tests} passed in ${(tookMs / 1_000).toFixed(0)} s\n`)
  const failures = packages.flatMap((each) => each.failures)
  for (const failure of failures) process.stdout.write(`✗ ${describeFailure(failure)}\n`)
  return failures
}
