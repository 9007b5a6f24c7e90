import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)

let folder: string
let page: string
let snippet: string
beforeAll(async () => {
  folder = await mkdtemp(new URL('.what-clean-means-', import.meta.url).pathname)
  page = await readFile(new URL('../../../docs/what-clean-means.md', import.meta.url), 'utf8')
  snippet = /```ts\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the snippet of docs/what-clean-means.md prints what the page says', async () => {
  await writeFile(`${folder}/snippet.mjs`, snippet)
  const { stdout } = await run(process.execPath, [`${folder}/snippet.mjs`])
  const lines = stdout.trim().split('\n')
  expect(lines).toHaveLength(2)
  for (const line of lines) expect(page).toContain(`\`${line}\``)
})

test('… and compiles under strict', async () => {
  await writeFile(`${folder}/snippet.mts`, snippet)
  const tsc = new URL('../../../node_modules/typescript/bin/tsc', import.meta.url).pathname
  const options = ['--ignoreConfig', '--noEmit', '--strict', '--target', 'es2023', '--module', 'nodenext', '--types', 'node', `${folder}/snippet.mts`]
  await run(process.execPath, [tsc, ...options]).catch(({ stdout }: { stdout: string }) => expect.unreachable(stdout))
})
