import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runService, type Ended, type RunOptions } from './tools/run-service.ts'

let folder: string
beforeAll(async () => {
  // Below this package, for the imports.
  folder = await mkdtemp(new URL('.docs-', import.meta.url).pathname)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const terminate: RunOptions['on'] = { ready: (child) => child.kill('SIGTERM') }
const lines: string[] = []

/** A page's snippet that has `sign` in it, as a program; `rest` is what a service has behind it. */
async function snippet(page: string, sign: string, rest: string = '', change: (text: string) => string = (text) => text): Promise<string> {
  const text = await readFile(new URL(`../../../docs/${page}.md`, import.meta.url), 'utf8')
  const found = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code).find((code) => code.includes(sign))
  if (found === undefined) throw new Error(`no snippet of ${page} has ${sign}`)
  lines.push(found)
  const file = join(folder, `${lines.length}.test.mjs`)
  await writeFile(file, `${change(found)}\n${rest}`)
  return file
}

const run = (file: string, options: RunOptions = {}): Promise<Ended> => runService([process.execPath, file], { on: terminate, ...options })
const lives = "setInterval(() => {}, 1e6)\nconsole.log('ready')\n"

describe('docs/other-signal-listeners.md', () => {
  test('an adopted listener runs when it is said to', async () => {
    const { code, stdout } = await run(await snippet('other-signal-listeners', "otherListeners: 'adopt'", lives))
    expect(code).toBe(0)
    expect(stdout.slice(0, -1)).toEqual(['ready', 'orders drained', 'framework closed', 'db closed'])
  })

  test('uncaught errors are left to the service', async () => {
    const { code, stdout, report } = await run(await snippet('other-signal-listeners', "onUncaught: 'leave'", `setImmediate(() => {\n  throw new Error('no')\n})\nsetTimeout(() => console.log('ready'), 100)\nsetInterval(() => {}, 1e6)\n`))
    expect({ code, lines: stdout.slice(0, -1), reason: report?.reason.kind }).toEqual({ code: 0, lines: ['logged: no', 'ready'], reason: 'signal' })
  })
})

describe('docs/the-report.md', () => {
  test('a report is sent to another process', async () => {
    const bodies: string[] = []
    const collector = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      // As far away as a collector is.
      request.on('end', () => setTimeout(() => (bodies.push(body), response.end()), 200))
    })
    await once(collector.listen(0, '127.0.0.1'), 'listening')
    const { code, stdout } = await run(await snippet('the-report', 'REPORTS_URL', lives), { env: { REPORTS_URL: `http://127.0.0.1:${(collector.address() as AddressInfo).port}` } })
    collector.close()
    expect({ code, stdout }).toEqual({ code: 0, stdout: ['ready'] })
    expect(bodies.map((body) => (JSON.parse(body) as { result: string }).result)).toEqual(['clean'])
  })

  const inDrain = {
    pino: 'async () => { transport.end(); await once(transport, "close") }',
    winston: 'async () => { logger.end(); await once(file, "finish") }',
  }

  test.each(['pino', 'winston'] as const)('%s has the report when it is ended in onReport', async (logger) => {
    const file = join(folder, `${logger}.log`)
    const { code, stderr } = await run(await snippet('the-report', `from '${logger}'`, lives), { env: { LOG_FILE: file } })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ report: { result: 'clean', version: 1 } })
  })

  test.each(['pino', 'winston'] as const)('%s has none when it is ended in a drain', async (logger) => {
    const file = join(folder, `${logger}-drained.log`)
    const wrong = await snippet('the-report', `from '${logger}'`, lives, (text) =>
      text
        .replace('const lifecycle = createLifecycle()', `const lifecycle = createLifecycle()\nlifecycle.add({ name: 'log', phase: 'telemetry', drain: ${inDrain[logger]} })`)
        .replace(/ {4}(transport|logger)\.end\(\)\n.*\n/, ''),
    )
    const { stderr, report } = await run(wrong, { env: { LOG_FILE: file } })
    expect(await readFile(file, 'utf8')).toBe('')
    if (logger === 'winston') expect({ stderr, result: report?.result }).toEqual({ stderr: 'lameduck: the report could not be written: write after end\n', result: 'clean' })
  })
})

test('docs/in-a-test-runner.md: one that is unbound says nothing', async () => {
  const { code, stdout, stderr } = await runService([process.execPath, '--test', '--test-reporter=tap', await snippet('in-a-test-runner', 'bound.unbind()')])
  expect(code).toBe(0)
  expect(stdout).toContain('# pass 1')
  expect(stdout.join('\n') + stderr).not.toMatch(/^lameduck: /m)
})
