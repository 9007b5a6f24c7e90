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

test('the README example answers its probes and leaves on SIGTERM', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const snippet = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  await writeFile(`${folder}/snippet.mjs`, snippet ?? '')
  const child = spawn(process.execPath, [`${folder}/snippet.mjs`], { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env['PATH'], PROBE_PORT: '0' } })
  const exited = once(child, 'close') as Promise<[number | null]>
  const lines: string[] = []
  let answer = ''
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    const port = /^probes on port (\d+)$/.exec(line)?.[1]
    if (port === undefined) continue
    answer = await (await fetch(`http://127.0.0.1:${port}/readyz`)).text()
    child.kill('SIGTERM')
  }
  expect(answer).toBe('ready\n')
  expect(lines[1]).toBe('the last work is done')
  expect(lines[2]).toContain('"result":"clean"')
  expect((await exited)[0]).toBe(0)
})
