#!/usr/bin/env node
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { addResults } from './add-results.mjs'
import { serversFor } from './servers-for.mjs'
import { root, setUp } from './setup.mjs'
import { command, progress, run, StepError } from './step.mjs'

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
  const codes = values.slow ? [await runTests('test:slow', [], 1, testEnv)] : await runRounds(testEnv)
  await tell(results, total)
  if (codes.some((code) => code !== 0) && total.failed === 0) {
    process.stdout.write('a test runner ended with an error outside its tests; see above\n')
    total.failed += 1
  }
  process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
  return total.failed === 0 ? 0 : 1
})

function readParameters() {
  try {
    return parseArgs({ options: { slow: { type: 'boolean', default: false } } })
  } catch (error) {
    throw new StepError(`${error.message}\nnpm test takes nothing; npm run test:slow runs what takes long`)
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
  const codes = []
  const before = []
  for (const { filters, sideBySide } of rounds) {
    codes.push(await runTests('test', [...filters, ...before.map((filter) => `!${filter}`)], sideBySide, env))
    before.push(...filters)
  }
  return codes
}

async function runTests(task, filters, sideBySide, env) {
  const parameters = ['run', task, ...filters.map((filter) => `--filter=${filter}`), '--continue', `--concurrency=${sideBySide}`, '--output-logs=full', '--log-order=grouped']
  const { code } = await run('pnpm', ['exec', 'turbo', ...parameters], { env, cwd: root, show: true })
  return code
}

/** At the end, where somebody looks: the runners' own words may be thousands of lines above. */
async function tell(results, total) {
  const packages = await addResults(results, total)
  for (const { name, tests, tookMs } of packages) process.stdout.write(`${name}: ${tests} passed in ${(tookMs / 1_000).toFixed(0)} s\n`)
  for (const failure of packages.flatMap(({ failures }) => failures)) process.stdout.write(`✗ ${failure}\n`)
}
