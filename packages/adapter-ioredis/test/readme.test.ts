import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { connectTo, startRedis, versions, type RedisServer } from './harness.ts'
import { runProgram } from './run-program.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

const readReadme = (): Promise<string> => readFile(new URL('../README.md', import.meta.url), 'utf8')

test('the README example loses no order when it is terminated in the middle', async () => {
  const folder = await mkdtemp(new URL('.readme-', import.meta.url).pathname)
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await writeFile(`${folder}/snippet.mjs`, /```ts\n([^]*?)```/.exec(await readReadme())?.[1] ?? '')
  const admin = connectTo(server, versions[1].Redis)
  onTestFinished(() => admin.disconnect())
  const service = runProgram(new URL(`file://${folder}/snippet.mjs`), [], { REDIS_URL: server.url })
  await service.printed(/^ready$/)
  for (let order = 0; order < 300; order += 1) {
    await admin.rpush('orders', String(order))
    if (order === 150) service.terminate()
  }
  const { code, lines, stderr } = await service.ended
  // On a slow machine it may take more than a second, and says so.
  expect(stderr.replaceAll(/^lameduck: still waiting for .*\n/gm, '')).toBe('')
  expect(code).toBe(0)
  expect(lines.join('\n')).toMatch(/redis \(blocking\)/)
  const handled = await admin.lrange('handled', 0, -1)
  const left = await admin.lrange('orders', 0, -1)
  expect(handled.length).toBeGreaterThan(0)
  expect([...handled, ...left].sort()).toEqual(Array.from({ length: 300 }, (_, order) => String(order)).sort())
})

test('the README names every option, with its default', async () => {
  const documented = [...(await readReadme()).matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1])
  const files = ['step-options.ts', 'redis.ts', 'blocking-redis.ts']
  const sources = await Promise.all(files.map((file) => readFile(new URL(`../src/lib/${file}`, import.meta.url), 'utf8')))
  const options = sources.flatMap((source) => [.../export interface (?:\w+Options|StepOptions)[^{]*\{([^]*?)\n\}/.exec(source)![1]!.matchAll(/^ {2}readonly (\w+)\?:/gm)].map((match) => match[1]!))
  expect(new Set(documented)).toEqual(new Set(options))
})
