import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'

/** Asks for the slow route, sends SIGTERM when it has arrived, and lets it answer after the line `thenFinish`. */
async function run(variant: 'naive' | 'lameduck', thenFinish: string): Promise<{ body: string; lines: string[]; stderr: string; code: number | null }> {
  const child = spawn(process.execPath, [new URL('fixtures/service.mjs', import.meta.url).pathname, variant], { stdio: ['pipe', 'pipe', 'pipe'] })
  const exited = once(child, 'close') as Promise<[number | null]>
  const lines: string[] = []
  let stderr = ''
  let body: Promise<string> | undefined
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    const port = /^port (\d+)$/.exec(line)?.[1]
    if (port !== undefined) body = fetch(`http://127.0.0.1:${port}/slow`).then((response) => response.text())
    if (line === 'arrived') child.kill('SIGTERM')
    if (line !== thenFinish) continue
    child.stdin.write('finish\n')
    void body?.then(() => {
      // The naive process stays for as long as its client's connection does.
      if (variant === 'naive') child.kill('SIGKILL')
    })
  }
  const [code] = await exited
  return { body: (await body) ?? '', lines, stderr, code }
}

test('enableShutdownHooks() alone closes the pool under the request in flight: the naive stop', async () => {
  expect(await run('naive', 'onModuleDestroy')).toMatchObject({ body: 'closed', lines: [expect.stringMatching(/^port/), 'arrived', 'onModuleDestroy'] })
})

test('with nestApp the request is answered first, although enableShutdownHooks() was called', async () => {
  const { body, lines, stderr, code } = await run('lameduck', 'stop begun')
  expect(body).toBe('open')
  expect(lines.slice(1, 4)).toEqual(['arrived', 'stop begun', 'onModuleDestroy'])
  expect(lines[4]).toContain('"result":"clean"')
  expect(stderr).toContain('nest: enableShutdownHooks() was called')
  expect(code).toBe(0)
})
