import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)

let folder: string
let sections: string[]
beforeAll(async () => {
  folder = await mkdtemp(new URL('.own-resources-', import.meta.url).pathname)
  const page = await readFile(new URL('../../../docs/own-resources.md', import.meta.url), 'utf8')
  sections = page.split(/^## /m).slice(1)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Compiles the section's snippet under strict, with `edit` done to it, and gives the lines that it prints. */
async function linesOf(index: number, edit: (snippet: string) => string = (snippet) => snippet): Promise<string[]> {
  const file = `${folder}/snippet-${index}-${edit.name}`
  await writeFile(`${file}.mts`, edit(/```ts\n([^]*?)```/.exec(sections[index] ?? '')?.[1] ?? ''))
  const tsc = new URL('../../../node_modules/typescript/bin/tsc', import.meta.url).pathname
  const options = ['--ignoreConfig', '--strict', '--skipLibCheck', '--target', 'es2023', '--module', 'nodenext', '--types', 'node', `${file}.mts`]
  await run(process.execPath, [tsc, ...options]).catch(({ stdout }: { stdout: string }) => expect.unreachable(stdout))
  const { stdout } = await run(process.execPath, [`${file}.mjs`])
  return stdout.trim().split('\n')
}

test.each([0, 1])('snippet %i of docs/own-resources.md prints what the page says', async (index) => {
  const lines = await linesOf(index)
  expect(lines).toHaveLength(2)
  for (const line of lines) expect(sections[index]).toContain(`\`${line}\``)
})

test('… and as the page begins, the answer comes when the stop is over, and nobody knows', async () => {
  const lines = await linesOf(1, function bare(snippet) {
    return snippet.replace(/ {2}quiesce: [^]*?\n\}\)\n/, '  drain: () => { server.close() },\n})\n')
  })
  expect(lines).toEqual(['clean undefined', 'shipped'])
})

test('… and with its counts, a drain that ends too early is told', async () => {
  const lines = await linesOf(1, function early(snippet) {
    return snippet.replace(/ {2}drain: .*\n/, '  drain: () => { server.close() },\n')
  })
  expect(lines[0]).toMatch(/^unknown /)
})
