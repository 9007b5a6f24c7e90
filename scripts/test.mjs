#!/usr/bin/env node
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
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

await command(async ({ onEnd }) => {
  const env = await setUp()
  // One set of real servers for all packages, handed on as the URLs that a user could give.
  const { urls, missing } = await serversFor(onEnd, (message) => process.stderr.write(`${message}\n`))
  if (missing.length > 0) throw new StepError(missing.join('\n'))
  const results = join(root, '.cache', 'results')
  await rm(results, { recursive: true, force: true })
  await mkdir(results, { recursive: true })

  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const [name, parameters] of checks) {
    const shown = progress(name)
    const { code, output } = await run('pnpm', ['exec', ...parameters], { env, cwd: root })
    shown.end(code === 0 ? 'done' : 'failed')
    process.stdout.write(code === 0 ? `✓ ${name}\n` : `✗ ${name}\n${output.trim()}\n`)
    total[code === 0 ? 'passed' : 'failed'] += 1
  }

  const testEnv = { ...env, ...urls, LAMEDUCK_RESULTS: results }
  const { code } = await run('pnpm', ['exec', 'turbo', 'run', 'test', '--continue', '--concurrency=1', '--output-logs=full', '--log-order=grouped'], {
    env: testEnv,
    cwd: root,
    show: true,
  })
  const packages = await addResults(results, total)
  for (const { name, tests, tookMs } of packages) process.stdout.write(`${name}: ${tests} passed in ${(tookMs / 1_000).toFixed(0)} s\n`)
  // At the end, where somebody looks: the runners' own words may be thousands of lines above.
  for (const failure of packages.flatMap(({ failures }) => failures)) process.stdout.write(`✗ ${failure}\n`)
  if (code !== 0 && total.failed === 0) {
    process.stdout.write('a test runner ended with an error outside its tests; see above\n')
    total.failed += 1
  }
  process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
  return total.failed === 0 ? 0 : 1
})
