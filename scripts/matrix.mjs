#!/usr/bin/env node
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import { addResults } from './add-results.mjs'
import { installNodes, majorAtHand, majors } from './install-nodes.mjs'
import { root, setUp } from './setup.mjs'
import { command, run, StepError } from './step.mjs'

const usage = `npm run matrix -- [core | http] [part of a test's path …] [--node <major> …] [--quick]
  without a package: core and http; a part of a path alone is one of core's
  without --node: ${majors.join(', ')}
  --quick: without http's test/load.test.ts, which is half of the time`

/** How each package is run on the Nodes: one run of its test runner for each entry. */
const packages = {
  // What is tested are the processes that the tests start, from `test/`: the runner stays on the Node at hand and is told of the others.
  core: ({ nodes, filters }) => [
    {
      runner: process.execPath,
      label: `core, its processes on Node ${nodes.map(({ version }) => version).join(', ')}`,
      nodes,
      // They mostly wait for what they have started; by default there is one worker on two cores.
      parameters: ['--maxWorkers', '2', ...(filters.length > 0 ? filters : ['test/'])],
    },
  ],
  // What is tested runs in the runner itself, so the runner moves.
  http: ({ nodes, filters, quick }) => nodes.map((node) => describeHttp(node, filters, quick)),
}

await command(async () => {
  const { names, filters, wanted, quick } = readParameters()
  if (filters.length > 0) await requireTests(names[0], filters)
  const env = await setUp()
  const nodes = await installNodes(wanted)
  for (const { path, version } of nodes) process.stdout.write(`Node ${version}: ${path}\n`)

  const lines = []
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const name of names) {
    for (const each of packages[name]({ nodes, filters, quick })) {
      process.stdout.write(`\n${each.label}\n`)
      const counts = await runTests(name, each, env)
      for (const outcome of Object.keys(total)) total[outcome] += counts[outcome]
      lines.push(`${each.label}: ${show(counts)}`)
    }
  }
  process.stdout.write(`${lines.join('\n')}\n${show(total)}\n`)
  return total.failed === 0 ? 0 : 1
})

function readParameters() {
  let parsed
  try {
    parsed = parseArgs({ allowPositionals: true, options: { node: { type: 'string', multiple: true }, quick: { type: 'boolean', default: false } } })
  } catch (error) {
    throw new StepError(`${error.message}\n${usage}`)
  }
  const [first, ...rest] = parsed.positionals
  const all = majors.includes(majorAtHand) ? majors : [majorAtHand, ...majors]
  const wanted = parsed.values.node ? all.filter((major) => parsed.values.node.includes(String(major))) : all
  const unknown = (parsed.values.node ?? []).filter((major) => !all.map(String).includes(major))
  if (unknown.length > 0) throw new StepError(`there is no Node ${unknown.join(', ')} in the matrix\n${usage}`)
  const { quick } = parsed.values
  if (first === undefined) return { names: Object.keys(packages), filters: [], wanted, quick }
  if (Object.hasOwn(packages, first)) return { names: [first], filters: rest, wanted, quick }
  return { names: ['core'], filters: parsed.positionals, wanted, quick }
}

/** A mistyped package would be taken for a part of a path, and end minutes later in the words of the test runner. */
async function requireTests(name, filters) {
  const folder = join(root, 'packages', name)
  const files = (await Promise.all(['src', 'test'].map(async (part) => (await readdir(join(folder, part), { recursive: true })).map((file) => join(part, file))))).flat()
  const tests = files.filter((file) => file.endsWith('.test.ts'))
  for (const filter of filters) {
    if (!tests.some((test) => test.includes(filter))) throw new StepError(`no test of ${name} has "${filter}" in its path\n${usage}`)
  }
}

function describeHttp(node, filters, quick) {
  return {
    runner: node.path,
    label: `http on Node ${node.version}${quick ? ', without load.test.ts' : ''}`,
    nodes: [node],
    parameters: ['--maxWorkers', '3', ...filters, ...(quick ? ['--exclude', 'test/load.test.ts'] : [])],
  }
}

async function runTests(name, { runner, nodes, parameters }, env) {
  const folder = join(root, 'packages', name)
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const results = await mkdtemp(join(root, '.cache', 'matrix-'))
  try {
    const vitest = join(folder, 'node_modules', 'vitest', 'vitest.mjs')
    const { code } = await run(runner, [vitest, 'run', '--config', '../../vitest.config.ts', '--root', '.', ...parameters], {
      env: { ...env, LAMEDUCK_NODES: nodes.map(({ path }) => path).join(delimiter), LAMEDUCK_RESULTS: results },
      cwd: folder,
      show: true,
    })
    await addResults(results, counts)
    if (code !== 0 && counts.failed === 0) {
      process.stdout.write('the test runner ended with an error outside its tests; see above\n')
      counts.failed += 1
    }
  } finally {
    await rm(results, { recursive: true, force: true })
  }
  return counts
}

function show({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
