import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { get, rawClient } from './support/raw-client.ts'

test('the README example ends its event stream and exits with 0', async () => {
  const folder = await mkdtemp(new URL('.readme-', import.meta.url).pathname)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  await writeFile(`${folder}/snippet.mjs`, /```ts\n([^]*?)```/.exec(readme)?.[1] ?? '')
  const child = spawn(process.execPath, [`${folder}/snippet.mjs`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PORT: '0', KUBERNETES_SERVICE_HOST: undefined },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const output = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const closed = once(child, 'close')
  const [listening] = (await once(output, 'line')) as [string]
  const client = await rawClient(Number(/^listening on (\d+)$/.exec(listening)?.[1]))
  client.send(get('/events'))
  await client.until(/data: hello/)
  child.kill('SIGTERM')

  await client.until(/event: bye\ndata:\n\n\r\n0\r\n\r\n$/)
  expect((await closed)[0]).toBe(0)
  expect(JSON.parse(String(lines[1]))).toMatchObject({ lameduck: 'report', result: 'clean' })
})

test('the README names every option with its default', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const source = await readFile(new URL('../src/lib/http-server.ts', import.meta.url), 'utf8')
  const options = /export interface HttpServerOptions \{([^]*?)\n\}/.exec(source)?.[1] ?? ''
  const names = [...options.matchAll(/^ {2}readonly (\w+)\?:/gm)].map((match) => match[1])
  const documented = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1])
  expect(documented).toEqual(names)
  expect(readme).toContain('| `unusedGraceMs` | 500 |')
  expect(source).toContain('unusedGraceMs = 500')
})
