import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(new URL('.readme-', import.meta.url).pathname)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the README example drains as it says', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const snippet = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  const file = `${folder}/snippet.mjs`
  await writeFile(file, snippet ?? '')
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    if (line === 'ready') child.kill('SIGTERM')
  })
  const [code] = (await once(child, 'close')) as [number | null]
  expect(code).toBe(0)
  expect(lines.slice(0, 4)).toEqual(['ready', 'no new jobs', 'last job done', 'queue closed'])
  expect(lines[4]).toContain('"lameduck":"report"')
})
