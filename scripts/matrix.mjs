#!/usr/bin/env node
import { readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import { addResults, describeFailure } from './add-results.mjs'
import { installNodes, majorAtHand, majors } from './install-nodes.mjs'
import { root, setUp } from './setup.mjs'
import { command, run, StepError } from './step.mjs'
import { tryAgain } from './try-again.mjs'
import { inUnfinishedFolder } from './unfinished-folder.mjs'

const usage = `npm run matrix -- [core | http] [part of a test's path …] [--node <major> …] [--quick]
  without a package: core and http; a part of a path alone is one of core's
  without --node: ${majors.join(', ')}
  --quick: without http's test/load.test.ts, which is half of the time
  --once: what fails is not tried a second time`

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
  const { names, filters, wanted, quick, once } = readParameters()
  if (filters.length > 0) await requireTests(names[0], filters)
  const env = await setUp()
  const nodes = await installNodes(wanted)
  for (const { path, version } of nodes) process.stdout.write(`Node ${version}: ${path}\n`)

  const lines = []
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const name of names) {
    for (const each of packages[name]({ nodes, filters, quick })) {
      process.stdout.write(`\n${each.label}\n`)
      const counts = await runTests(name, each, once, env)
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
    parsed = parseArgs({ allowPositionals: true, options: { node: { type: 'string', multiple: true }, quick: { type: 'boolean', default: false }, once: { type: 'boolean', default: false } } })
  } catch (error) {
    throw new StepError(`${error.message}\n${usage}`)
  }
  const [first, ...rest] = parsed.positionals
  const all = majors.includes(majorAtHand) ? majors : [majorAtHand, ...majors]
  const wanted = parsed.values.node ? all.filter((major) => parsed.values.node.includes(String(major))) : all
  const unknown = (parsed.values.node ?? []).filter((major) => !all.map(String).includes(major))
  if (unknown.length > 0) throw new StepError(`there is no Node ${unknown.join(', ')} in the matrix\n${usage}`)
  const { quick, once } = parsed.values
  if (first === undefined) return { names: Object.keys(packages), filters: [], wanted, quick, once }
  if (Object.hasOwn(packages, first)) return { names: [first], filters: rest, wanted, quick, once }
  return { names: ['core'], filters: parsed.positionals, wanted, quick, once }
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

async function runTests(name, each, once, env) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  await inUnfinishedFolder(join(root, '.cache', 'matrix-'), async (results) => {
    const code = await runVitest(name, each, each.parameters, { ...env, LAMEDUCK_RESULTS: results })
    const failures = (await addResults(results, counts)).flatMap(({ failures: some }) => some)
    for (const failure of failures) process.stdout.write(`✗ ${describeFailure(failure)}\n`)
    if (!once) await tryAgain(failures, counts, (file, folder) => runVitest(name, each, [file], { ...env, LAMEDUCK_RESULTS: folder }))
    if (code !== 0 && failures.length === 0) {
      process.stdout.write('the test runner ended with an error outside its tests; see above\n')
      counts.failed += 1
    }
  })
  return counts
}

async function runVitest(name, { runner, nodes }, parameters, env) {
  const folder = join(root, 'packages', name)
  const vitest = join(folder, 'node_modules', 'vitest', 'vitest.mjs')
  const { code } = await run(runner, [vitest, 'run', '--config', '../../vitest.config.ts', '--root', '.', ...parameters], {
    env: { ...env, LAMEDUCK_NODES: nodes.map(({ path }) => path).join(delimiter) },
    cwd: folder,
    show: true,
  })
  return code
}

function show({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
