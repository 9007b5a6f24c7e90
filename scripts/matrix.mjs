#!/usr/bin/env node
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { addResults } from './add-results.mjs'
import { root, setUp } from './setup.mjs'
import { command, progress, run, StepError } from './step.mjs'

/** Besides the Node at hand, which is Node 20 on many a machine; it is not installed a second time. */
const majors = [22, 24, 26]

// The tests of core that start processes, on every Node that the package supports: all of them, or those whose path holds
// what is given: npm run matrix -- wrappers. The test runner stays on the Node at hand.
await command(async () => {
  const env = await setUp()
  const atHand = Number(process.versions.node.split('.')[0])
  const others = await installNodes(majors.filter((major) => major !== atHand))
  const nodes = [process.execPath, ...others]
  for (const node of nodes) process.stdout.write(`Node ${await versionOf(node)}: ${node}\n`)

  const parameters = process.argv.length > 2 ? process.argv.slice(2) : ['test/']
  const results = await mkdtemp(join(root, '.cache', 'matrix-'))
  const total = { passed: 0, failed: 0, skipped: 0 }
  try {
    const { code } = await run('pnpm', ['exec', 'vitest', 'run', '--config', '../../vitest.config.ts', '--root', '.', ...parameters], {
      env: { ...env, LAMEDUCK_NODES: nodes.join(delimiter), LAMEDUCK_RESULTS: results },
      cwd: join(root, 'packages', 'core'),
      show: true,
    })
    await addResults(results, total)
    if (code !== 0 && total.failed === 0) {
      process.stdout.write('the test runner ended with an error outside its tests; see above\n')
      total.failed += 1
    }
  } finally {
    await rm(results, { recursive: true, force: true })
  }
  process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
  return total.failed === 0 ? 0 : 1
})

/** Each from its npm package, which holds the binary and runs no script; about 200 MB, and fetched once. Resolves with their paths. */
async function installNodes(wanted) {
  const folder = join(root, '.cache', 'nodes')
  await mkdir(folder, { recursive: true })
  const paths = []
  for (const major of wanted) {
    const target = join(folder, String(major))
    const binary = join(target, 'node_modules', 'node', 'bin', 'node')
    if ((await versionOf(binary)) === undefined) await install(major, folder, target)
    paths.push(binary)
  }
  return paths
}

async function install(major, folder, target) {
  const source = `node@npm:node-${process.platform}-${process.arch}@${major}`
  const label = `installing Node ${major}`
  const shown = progress(label)
  const unfinished = await mkdtemp(join(folder, 'unfinished-'))
  try {
    const { code, output } = await run('npm', ['install', '--prefix', unfinished, '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--fetch-retries=1', source])
    // npm reports success on a full disk, with truncated files.
    if (code !== 0 || (await versionOf(join(unfinished, 'node_modules', 'node', 'bin', 'node'))) === undefined) {
      throw new StepError(`${label} failed (npm install ${source}, exit code ${code}). Check the network and the disk.\n${output.trim().split('\n').slice(-30).join('\n')}`)
    }
    await rm(target, { recursive: true, force: true })
    await rename(unfinished, target)
    shown.end()
  } catch (error) {
    shown.end('failed')
    throw error
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

/** Nothing where the binary is missing or does not run. */
async function versionOf(binary) {
  const { code, output } = await run(binary, ['--version']).catch(() => ({ code: 1, output: '' }))
  return code === 0 ? output.trim().slice(1) : undefined
}
