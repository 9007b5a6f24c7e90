import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import * as http from '@lameduck/http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as adapter from '../src/index.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(new URL('.readme-', import.meta.url).pathname)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the README example serves, finishes the request in flight on SIGTERM and exits 0', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const snippet = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  await writeFile(`${folder}/snippet.mjs`, snippet ?? '')
  const child = spawn(process.execPath, [`${folder}/snippet.mjs`], { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env['PATH'], PORT: '0' } })
  const exited = once(child, 'close') as Promise<[number | null]>
  let order: Promise<Response> | undefined
  let report = ''
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^serving on \{.* port: (\d+) \}$/.exec(line)?.[1]
    if (port !== undefined) order = fetch(`http://127.0.0.1:${port}/orders/7`)
    if (line === 'asked for order 7') child.kill('SIGTERM')
    if (line.startsWith('{')) report = line
  }
  const answer = await order
  expect(answer?.headers.get('connection')).toBe('close')
  expect(await answer?.json()).toEqual({ id: '7', status: 'shipped' })
  expect(JSON.parse(report)).toMatchObject({ result: 'clean', reason: { signal: 'SIGTERM' } })
  expect((await exited)[0]).toBe(0)
})

test('the README names every option that a server has, and what is exported with it', async () => {
  const text = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const source = await readFile(new URL('../../http/src/lib/http-server-options.ts', import.meta.url), 'utf8')
  const options = /export interface HttpServerOptions \{([^]*?)\n\}/.exec(source)?.[1] ?? ''
  const names = [...options.matchAll(/^ {2}readonly (\w+)\?:/gm)].flatMap(([, name = '']) => (name === 'listen' ? [] : [name]))
  expect(names).toContain('onDrain')
  const documented = [...text.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name))
  expect(documented).toEqual(expect.arrayContaining([...names, 'port', 'host', 'signal']))
  expect(text).toContain('`endOnDrain(response, last)`')
  expect(adapter.endOnDrain).toBe(http.endOnDrain)
  expect(text.split(/\s+/).length).toBeLessThan(500)
})
