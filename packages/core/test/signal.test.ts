import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nodes } from './tools/nodes.ts'
import { outcomes, runProgram, term } from './tools/run-program.ts'

const preload = ['--import', new URL('../dist/preload.js', import.meta.url).href]

describe.each(nodes)('$name: on a signal', (node) => {
  test('drains, prints one report line and nothing on stderr, and exits 0', async () => {
    const { code, report, stdout, stderr } = await runProgram(node, 'clean', { on: { ready: term } })
    expect(code).toBe(0)
    expect(stdout.filter((line) => line.startsWith('{'))).toHaveLength(1)
    expect(report).toMatchObject({ result: 'clean', reason: { kind: 'signal', signal: 'SIGTERM' }, from: 'ready', budgetSource: 'the default grace period' })
    expect(outcomes(report)).toEqual(['first drained', 'second drained'])
    expect(stderr).toBe('')
  })

  test('says once a second what it is waiting for', async () => {
    const { code, stderr } = await runProgram(node, 'waits', { on: { ready: term } })
    expect(code).toBe(0)
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/^lameduck: still waiting for mailer \(2 in flight, mail to nobody\), cut in 2[78]\.\d s$/),
      expect.stringMatching(/^lameduck: still waiting for mailer \(2 in flight, mail to nobody\), cut in 2[67]\.\d s$/),
    ])
  })

  test.each(['SIGINT', 'SIGQUIT', 'SIGUSR2', 'SIGHUP'] as const)('drains on %s alike, where it is asked to', async (signal) => {
    const { code, report, stdout } = await runProgram(node, 'clean', { parameters: [signal], on: { ready: (child) => void child.kill(signal) } })
    expect(code).toBe(0)
    expect(report?.reason).toEqual({ kind: 'signal', signal, interactive: false })
    expect(stdout.slice(0, 2)).toEqual(['ready', 'second drained'])
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('that is repeated as %s goes on, and says so', async (second) => {
    const { code, report, stdout } = await runProgram(node, 'second-signal', { on: { ready: term, draining: (child) => void child.kill(second) } })
    expect(code).toBe(0)
    expect(stdout).toContain('drained after the second')
    expect(report?.result).toBe('clean')
  })

  test('during the start stops only what started', async () => {
    const { code, report, stdout } = await runProgram(node, 'slow-start', { on: { starting: term } })
    expect(code).toBe(0)
    expect(report?.from).toBe('starting')
    expect(outcomes(report)).toEqual(['http skipped', 'db drained'])
    expect(stdout).not.toContain('never')
  })

  test('that comes between two resources is no failure of the second', async () => {
    const { code, report, stderr } = await runProgram(node, 'adds-late', { on: { bound: term } })
    expect(code).toBe(0)
    expect(outcomes(report)).toEqual(['first drained'])
    expect(stderr).toBe('lameduck: while stopping: "second" was added when the lifecycle was already "draining": it would never be stopped\n')
  })

  test('that is over when the second one comes is as clean', async () => {
    const { code, stderr } = await runProgram(node, 'adds-late', { parameters: ['over'], on: { bound: term } })
    expect(code).toBe(0)
    expect(stderr).toMatch(/^lameduck: while stopping: "second" was added when the lifecycle was already "stopped"/)
  })

  // Catches: a handler that the refusal breaks off, and a stop that is called clean.
  test('a unit of work that adds a resource too late has failed', async () => {
    const { code, report, stderr } = await runProgram(node, 'adds-in-the-stop', { on: { ready: term } })
    const error = '"second" was added when the lifecycle was already "draining": it would never be stopped'
    expect(code).toBe(72)
    expect(report).toMatchObject({ result: 'failed', errors: [`unhandledRejection: ${error}`] })
    expect(stderr).toBe(`lameduck: while stopping: ${error}\nlameduck: stopped on SIGTERM; work may be lost: an uncaught error came during the stop\n`)
  })

  test('what is cut in great numbers is told twenty times, and hides no failure of the service', async () => {
    const { stderr, report } = await runProgram(node, 'many-cut', { on: { ready: term } })
    expect(stderr.match(/^lameduck: while stopping: the command was cut$/gm)).toHaveLength(20)
    expect(stderr.match(/^lameduck: more errors of the stop itself are not printed$/gm)).toHaveLength(1)
    expect(stderr).toContain('unhandledRejection while stopping: Error: a failure')
    expect(report?.errors).toEqual(['unhandledRejection: a failure'])
  })

  test('before it is ready there is no lame duck', async () => {
    const { code, report } = await runProgram(node, 'before-listen', { on: { bound: term } })
    expect(code).toBe(0)
    expect(report?.from).toBe('starting')
    expect(outcomes(report)).toEqual(['http drained'])
  })

  test('releases what is critical although SIGKILL comes in the middle of the lame duck', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lameduck-critical-'))
    const file = join(folder, 'lease')
    const { signal } = await runProgram(node, 'critical-step', { parameters: [file], on: { ready: term, released: (child) => void child.kill('SIGKILL') } })
    expect(signal).toBe('SIGKILL')
    expect(await readFile(file, 'utf8')).toBe('released')
    await rm(folder, { recursive: true })
  })
})

describe.each(nodes)('$name: the preload', (node) => {
  test('keeps a signal that comes while modules load, and stops when they have', async () => {
    const act = (child: Parameters<typeof term>[0]): void => {
      term(child)
      child.stdin?.write('x')
    }
    const { code, report, stdout } = await runProgram(node, 'loads-slowly', { nodeOptions: preload, on: { loading: act } })
    expect(code).toBe(0)
    expect(report).toMatchObject({ from: 'starting', reason: { signal: 'SIGTERM' } })
    expect(outcomes(report)).toEqual(['http drained'])
    expect(stdout).not.toContain('ready')
    const without = await runProgram(node, 'loads-slowly', { on: { loading: act } })
    expect(without).toMatchObject({ signal: 'SIGTERM', report: undefined })
  })

  test('ends a process that nobody binds after 5 s, with the signal’s code', async () => {
    expect(await runProgram(node, 'never-binds', { nodeOptions: preload, on: { loading: term } })).toMatchObject({ code: 143, signal: null })
  })
})
