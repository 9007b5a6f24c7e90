#!/usr/bin/env node
import { mkdtemp, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import { addResults } from './add-results.mjs'
import { installNodes, majorAtHand, majors } from './install-nodes.mjs'
import { root, setUp } from './setup.mjs'
import { command, run, StepError } from './step.mjs'

const usage = `npm run matrix -- [core | http] [part of a test's path …] [--node <major> …]
  without a package: core and http; a part of a path alone is one of core's
  without --node: ${majors.join(', ')}`

/** How each package is run on the Nodes: one run of its test runner for each entry. */
const packages = {
  // What is tested are the processes that the tests start, from `test/`: the runner stays on the Node at hand and is told of the others.
  core: (nodes, filters) => [
    {
      runner: process.execPath,
      label: `core, its processes on Node ${nodes.map(({ version }) => version).join(', ')}`,
      nodes,
      parameters: filters.length > 0 ? filters : ['test/'],
    },
  ],
  // What is tested runs in the runner itself, so the runner moves.
  http: (nodes, filters) => nodes.map((node) => describeHttp(node, filters)),
}

await command(async () => {
  const { names, filters, wanted } = readParameters()
  const env = await setUp()
  const nodes = await installNodes(wanted)
  for (const { path, version } of nodes) process.stdout.write(`Node ${version}: ${path}\n`)

  const lines = []
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const name of names) {
    for (const each of packages[name](nodes, filters)) {
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
    parsed = parseArgs({ allowPositionals: true, options: { node: { type: 'string', multiple: true } } })
  } catch (error) {
    throw new StepError(`${error.message}\n${usage}`)
  }
  const [first, ...rest] = parsed.positionals
  const all = majors.includes(majorAtHand) ? majors : [majorAtHand, ...majors]
  const wanted = parsed.values.node ? all.filter((major) => parsed.values.node.includes(String(major))) : all
  const unknown = (parsed.values.node ?? []).filter((major) => !all.map(String).includes(major))
  if (unknown.length > 0) throw new StepError(`there is no Node ${unknown.join(', ')} in the matrix\n${usage}`)
  if (first === undefined) return { names: Object.keys(packages), filters: [], wanted }
  if (Object.hasOwn(packages, first)) return { names: [first], filters: rest, wanted }
  return { names: ['core'], filters: parsed.positionals, wanted }
}

/** Half of the time is the proof under load; the oldest and the newest Node stand for the others there, unless it is asked for. */
function describeHttp(node, filters) {
  const whole = filters.length > 0 || node.major === majors[0] || node.major === majors.at(-1)
  return {
    runner: node.path,
    label: `http on Node ${node.version}${whole ? '' : ', without load.test.ts'}`,
    nodes: [node],
    parameters: whole ? filters : ['--exclude', 'test/load.test.ts'],
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
