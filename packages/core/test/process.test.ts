import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import type { Report } from '../src/lib/report.ts'

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: readonly string[]
  readonly stderr: string
  readonly report: Report | undefined
}

/** Runs the service of the fixtures from the built package, does something when a line appears, and waits for its end. */
async function run(wants: readonly string[], when: string, act: (child: ChildProcess) => void): Promise<Ended> {
  const child = spawn(process.execPath, [new URL('fixtures/service.mjs', import.meta.url).pathname, ...wants], { stdio: ['ignore', 'pipe', 'pipe'] })
  const stdout: string[] = []
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line)
    if (line === when) act(child)
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  const line = stdout.find((each) => each.startsWith('{"lameduck":"report"'))
  return { code, signal, stdout, stderr, report: line === undefined ? undefined : (JSON.parse(line) as Report) }
}

const term = (child: ChildProcess): void => void child.kill('SIGTERM')

describe('a bound process', () => {
  test('drains on SIGTERM, prints one report line and exits 0', async () => {
    const { code, report, stdout, stderr } = await run([], 'ready', term)
    expect(code).toBe(0)
    expect(stdout.filter((line) => line.startsWith('{'))).toHaveLength(1)
    expect(report).toMatchObject({ result: 'clean', reason: { kind: 'signal', signal: 'SIGTERM' }, from: 'ready' })
    expect(report?.steps.map((step) => `${step.name} ${step.outcome}`)).toEqual(['first drained', 'second drained'])
    expect(stderr).toBe('')
  })

  test('ignores a second SIGTERM', async () => {
    const { code, report, stdout } = await run(['tells-repeats'], 'ready', (child) => {
      term(child)
      const repeat = setInterval(() => child.kill('SIGTERM'), 1)
      child.once('exit', () => clearInterval(repeat))
    })
    expect(stdout).toContain('repeated')
    expect(code).toBe(0)
    expect(report?.result).toBe('clean')
  })

  test('cuts a hung step, drains the next one, exits 1 and says which on stderr', async () => {
    const { code, report, stdout, stderr } = await run(['hang'], 'ready', term)
    expect(code).toBe(1)
    expect(stdout).toContain('first forced')
    expect(stdout).toContain('second drained')
    expect(report?.steps.map((step) => step.outcome)).toEqual(['forced', 'drained'])
    expect(stderr).toContain('work may be lost: first was forced')
  })

  test('a step that throws is failed, and the rest is drained', async () => {
    const { code, report } = await run(['throw'], 'ready', term)
    expect(code).toBe(1)
    expect(report?.steps.map((step) => step.outcome)).toEqual(['failed', 'drained'])
  })

  test.each(['fatal', 'rejection'])('on an uncaught error (%s) drains shortly and exits 1 with the error on stderr', async (kind) => {
    const { code, report, stderr } = await run([kind], 'never', () => {})
    expect(code).toBe(1)
    expect(report).toMatchObject({ reason: { kind: 'fatal', origin: kind === 'fatal' ? 'uncaughtException' : 'unhandledRejection' } })
    expect(stderr).toContain('boom')
    expect(stderr).toContain('service.mjs')
  })

  test('an uncaught error while stopping is printed and does not end the stop', async () => {
    const { code, report, stderr } = await run(['fatal-while-stopping'], 'ready', term)
    expect(code).toBe(0)
    expect(report?.result).toBe('clean')
    expect(stderr).toContain('uncaughtException while stopping: Error: late error')
  })

  test('SIGTERM during the start stops only what started and exits 0', async () => {
    const { code, report } = await run(['slow-start'], 'starting', term)
    expect(code).toBe(0)
    expect(report?.from).toBe('starting')
    expect(report?.steps.map((step) => `${step.name} ${step.outcome}`)).toEqual(['first skipped', 'second drained'])
  })

  test('a failed start is one line on stderr, no stack, exit code 1', async () => {
    const { code, stderr, stdout } = await run(['bad-start'], 'never', () => {})
    expect(code).toBe(1)
    expect(stderr).toBe('lameduck: stopped on a failed start: second could not start: port 80 is in use\n')
    expect(stdout).not.toContain('ready')
  })

  test('an empty event loop runs the plan too', async () => {
    const { code, report, stdout } = await run(['natural-end'], 'never', () => {})
    expect(code).toBe(0)
    expect(stdout).toContain('second drained')
    expect(report?.reason).toEqual({ kind: 'programmatic', detail: 'the event loop was empty' })
  })

  test('lifecycle.stop() ends the process as a signal does', async () => {
    const { code, report } = await run(['stop-itself'], 'never', () => {})
    expect(code).toBe(0)
    expect(report?.reason.kind).toBe('programmatic')
  })

  test('a natural end keeps a failing process.exitCode', async () => {
    expect((await run(['natural-end', 'exit-code'], 'never', () => {})).code).toBe(3)
  })

  test('with two lifecycles it ends with the last of them', async () => {
    const { code, stdout } = await run(['two'], 'ready', term)
    expect(code).toBe(0)
    expect(stdout).toContain('other drained')
    expect(stdout.filter((line) => line.startsWith('{'))).toHaveLength(2)
  })

  test('leaves although nobody reads its output, and errors go on coming', async () => {
    const child = spawn(process.execPath, [new URL('fixtures/service.mjs', import.meta.url).pathname, 'fatal-repeatedly'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stderr.destroy()
    child.stdout.once('data', () => child.stdout.destroy())
    const [code] = (await once(child, 'close')) as [number | null]
    expect(code).toBe(1)
  })

  test('two megabytes written in the last step reach a pipe before the exit', async () => {
    const { stdout } = await run(['big-output'], 'ready', term)
    expect(stdout.find((line) => line.startsWith('xxx'))).toHaveLength(2_000_000)
  })
})
