import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { compilePrograms, type Programs } from './support/compile-programs.ts'
import { readSnippets } from './support/read-snippets.ts'
import { runProgram, type Ended } from './support/run-program.ts'
import { shapes, type Shape } from './support/shapes.ts'

/** Two runs of the tests may share their servers. */
const unique = `orders_${process.pid}`

let folder: string
let programs: Programs | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lameduck-background-'))
  const snippets = await readSnippets('background-work.md')
  programs = await compilePrograms(
    Object.fromEntries(
      Object.entries(shapes).flatMap(([heading, shape]) => {
        const snippet = snippets[heading]
        if (snippet === undefined) throw new Error(`docs/background-work.md has no snippet under "${heading}"`)
        return [
          [`${heading}, tracked`, program(shape, snippet, `${unique}_t`)],
          [`${heading}, the usual way`, program(shape, usualWay(snippet), `${unique}_u`)],
        ]
      }),
    ),
  )
  const missing = Object.keys(snippets).filter((heading) => !(heading in shapes))
  if (missing.length > 0) throw new Error(`docs/background-work.md has snippets that no test runs, under ${missing.join(', ')}`)
  for (const thread of ['resize.mjs', 'resize-thread.mjs']) await copyFile(new URL(`programs/${thread}`, import.meta.url), join(dirname(programs.path('')), thread))
})
afterAll(async () => {
  await programs?.remove()
  await rm(folder, { recursive: true, force: true })
})

function program({ before = '', begin, units }: Shape, snippet: string, orders: string): string {
  const work = snippet.includes('const work =') ? '' : "import { trackedWork } from '@lameduck/core'\nconst work = trackedWork('orders')\nlifecycle.add(work)\n"
  const text = `import { handle, lifecycle, live } from '../programs/background.ts'\n${work}${before}\n${snippet}\nvoid handle\nawait live(async () => {\n${begin}\n}, ${units})\n`
  return text.replaceAll(/\borders(?='| (?:ORDER|WHERE|VALUES|\(id))/g, orders)
}

/** The page's snippet with each line `// not:` in place of the line after it. */
function usualWay(snippet: string): string {
  return snippet.replaceAll(/^( *)\/\/ not:(.*)\n.*\n/gm, '$1$2\n')
}

/** @param workMs how long one unit takes */
async function run(name: string, workMs: number, env: NodeJS.ProcessEnv = {}): Promise<Ended & { readonly done: readonly string[]; readonly begun: readonly string[] }> {
  const journal = join(folder, `${[name, ...Object.keys(env)].join().replaceAll(/\W+/g, '-')}.txt`)
  await writeFile(journal, '')
  const ended = await runProgram(programs?.path(name) ?? '', { env: { JOURNAL: journal, WORK_MS: String(workMs), OUT: `${journal}.out`, ...env } })
  const lines = (await readFile(journal, 'utf8')).trim().split('\n')
  return { ...ended, begun: unitsOf(lines, 'begun'), done: unitsOf(lines, 'done') }
}

function unitsOf(lines: readonly string[], what: 'begun' | 'done'): string[] {
  return lines.filter((line) => line.startsWith(`${what} `)).map((line) => line.slice(what.length + 1)).toSorted()
}

const all = Object.entries(shapes)

test.concurrent.for(all)('%s: what is in flight at the signal is done, and counted', async ([heading, { total, left, waiting }], { expect }) => {
  const { begun, done, code, report, stderr } = await run(`${heading}, tracked`, 1_000)
  expect(done, stderr).toEqual(begun)
  expect(done.length).toBeGreaterThanOrEqual(total)
  expect({ code, result: report?.result }, stderr).toEqual({ code: 0, result: 'clean' })
  const counted = (report?.steps ?? []).map(({ work }) => work?.done ?? 0)
  expect(Math.max(...counted)).toBeGreaterThan(0)
  expect(await left?.(`${unique}_t`)).toBe(left && 0)
  // One was in hand, and is done; the others are still to be handed out.
  expect(await waiting?.(`${unique}_t`)).toBe(waiting && 5 - done.length)
})

test.concurrent.for(all)('%s: the usual way it is lost, and the stop does not say so', async ([heading, { total, left, waiting, lostAs = 'clean', usualWorkMs = 8_000 }], { expect }) => {
  const { begun, done, code, report, stderr } = await run(`${heading}, the usual way`, usualWorkMs)
  expect(done.length, stderr).toBeLessThan(Math.max(total, begun.length))
  expect({ code, result: report?.result }, stderr).toEqual({ code: 0, result: lostAs })
  if (left) expect(await left(`${unique}_u`)).toBeGreaterThan(0)
  await waiting?.(`${unique}_u`)
})

test.concurrent.for(['Queues in memory', 'Queues in memory 2'])('%s: an element that fails in the stop is counted, and told once', async (heading, { expect }) => {
  const { begun, done, code, report, stderr } = await run(`${heading}, tracked`, 500, { FAILS: 'yes' })
  expect({ begun: begun.length, done: done.length, code, result: report?.result }, stderr).toEqual({ begun: 5, done: 0, code: 72, result: 'failed' })
  expect(report, stderr).toMatchObject({ errors: [], steps: [{ work: { failed: 5 } }] })
})
