import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runProgram } from './run-program.ts'
import { useServer } from './server-subjects.ts'

const { server } = useServer()

let folder: string
let page: string
let snippets: string[]
beforeAll(async () => {
  folder = await mkdtemp(new URL('.docs-', import.meta.url).pathname)
  page = await readFile(new URL('../../../docs/redis.md', import.meta.url), 'utf8')
  snippets = [...page.matchAll(/```ts\n([^]*?)```/g)].map((match) => match[1]!)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test.each([
  ['a heartbeat', 0],
  ['a subscriber', 1],
  ['a reply', 2],
])('docs/redis.md: %s prints what the page says', async (_what, index) => {
  expect(snippets).toHaveLength(3)
  await writeFile(`${folder}/snippet-${index}.mjs`, snippets[index]!)
  const { code, lines, stderr } = await runProgram(new URL(`file://${folder}/snippet-${index}.mjs`), [], { REDIS_URL: server().url }).ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(lines).toHaveLength(1)
  expect(page).toContain(`prints \`${lines[0]}\``)
})
