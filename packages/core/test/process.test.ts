import { fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { nodes } from './tools/nodes.ts'
import { outcomes, programPath, runProgram, term } from './tools/run-program.ts'

describe.each(nodes)('$name: a step', (node) => {
  test('that hangs is cut, and the two after it have their time', async () => {
    const { code, report, stdout, stderr } = await runProgram(node, 'hung-first-of-three', { on: { ready: term } })
    expect(code).toBe(71)
    expect(stdout).toContain('first forced')
    expect(outcomes(report)).toEqual(['first forced', 'second drained', 'third drained'])
    expect(stderr.trim().split('\n').at(-1)).toBe('lameduck: stopped on SIGTERM; work may be lost: first was forced, 3 in flight')
  })

  test('that throws has failed, and the rest is drained', async () => {
    const { code, report, stderr } = await runProgram(node, 'throwing-step', { on: { ready: term } })
    expect(code).toBe(72)
    expect(outcomes(report)).toEqual(['first failed', 'second drained'])
    expect(stderr).toContain('first failed (drain threw)')
  })
})

describe.each(nodes)('$name: work that returns no promise', (node) => {
  test('is a warning once, long before the report', async () => {
    const { code, report, stderr } = await runProgram(node, 'no-promise', { on: { sent: term } })
    expect({ code, result: report?.result }).toEqual({ code: 0, result: 'unknown' })
    const [first, ...others] = stderr.split('\n').filter((line) => line.includes('returned no promise'))
    expect(first).toMatch(/^lameduck: warning: mails: send: it returned no promise, so nobody knows when its work is over: return the promise of what it begins, not `void f\(\)`; if it begins nothing, make it async/)
    expect(others).toEqual([expect.stringMatching(/^lameduck: stopped on SIGTERM; mails: it is not known whether/)])
  })
})

describe.each(nodes)('$name: an uncaught error', (node) => {
  test.each(['exception', 'rejection'])('(%s) drains shortly and exits 1, with its stack on stderr', async (kind) => {
    const { code, report, stderr, stdout } = await runProgram(node, 'fatal', { parameters: [kind] })
    expect(code).toBe(1)
    expect(stdout).toContain('db drained')
    expect(report).toMatchObject({ reason: { kind: 'fatal', origin: kind === 'exception' ? 'uncaughtException' : 'unhandledRejection' }, budgetSource: 'policy.fatalMs' })
    expect(report).toMatchObject({ result: 'failed', errors: [], steps: [{ name: 'db', outcome: 'drained' }] })
    expect(stderr).toMatch(/lameduck: stopped on (uncaughtException|unhandledRejection): boom; what this error broke off is in no count\n/)
    expect(stderr).toMatch(/Error: boom\n +at .*fatal\.mjs/)
  })

  test('keeps its code and its message when a signal and a second error come during its stop', async () => {
    const { code, report, stderr } = await runProgram(node, 'signal-during-fatal', { on: { draining: term } })
    expect(code).toBe(1)
    expect(report).toMatchObject({ reason: { kind: 'fatal', error: { message: 'first error' } }, errors: ['uncaughtException: second error'] })
    expect(stderr).toContain('uncaughtException while stopping: Error: second error')
  })

  test('in the middle of a stop does not end it, and is no clean end', async () => {
    const { code, report, stderr } = await runProgram(node, 'fatal-while-stopping', { on: { ready: term } })
    expect(code).toBe(72)
    expect(report).toMatchObject({ result: 'failed', errors: ['uncaughtException: late error'], steps: [{ name: 'db', outcome: 'drained' }] })
    expect(stderr).toContain('uncaughtException while stopping: Error: late error')
  })

  test.each(['schedule', 'trackedWork'])('of work that %s() has counted is told once', async (kind) => {
    const { code, report, stderr } = await runProgram(node, 'fails-while-stopping', { parameters: [kind], on: { begun: term } })
    expect(code).toBe(72)
    expect(report).toMatchObject({ result: 'failed', errors: [], steps: [{ outcome: 'failed', work: { done: 0, failed: 1 } }] })
    expect(stderr).toMatch(/unhandledRejection while stopping: Error: no paper\n +at /)
    expect(stderr).toMatch(/stopped on SIGTERM; work may be lost: print failed \(1 of 1 failed while it stopped \([^)]*: no paper\)\)\n/)
  })

  test('in a stop that is a mistake of the service is counted, though core has thrown it', async () => {
    const { code, report, stderr } = await runProgram(node, 'mistake-while-stopping', { on: { ready: term } })
    expect(code).toBe(72)
    expect(report).toMatchObject({ result: 'failed', errors: [expect.stringMatching(/^uncaughtException: trackedWork\(\) takes a name/)] })
    expect(stderr).toContain('uncaughtException while stopping: LifecycleError: trackedWork() takes a name')
  })

  test('whose stack cannot be read is an error like any other', async () => {
    const { code, stdout, stderr } = await runProgram(node, 'fatal-stack-throws')
    expect(code).toBe(1)
    expect(stdout[0]).toBe('db drained')
    expect(stderr).toContain('lameduck: uncaughtException: boom')
  })

  test('that never ends coming is printed 20 times', async () => {
    const { code, stderr, report } = await runProgram(node, 'fatal-for-ever')
    expect(code).toBe(1)
    expect(stderr.match(/uncaughtException/g)?.length).toBe(20 + 1)
    expect(stderr.match(/^lameduck: more uncaught errors are not printed$/gm)).toHaveLength(1)
    expect(report?.errors).toHaveLength(20)
  })

  test('and a reader that has gone do not keep it from leaving', async () => {
    const child = spawn(node.path, [programPath('fatal-for-ever')], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stderr.destroy()
    child.stdout.once('data', () => child.stdout.destroy())
    const [code] = (await once(child, 'close')) as [number | null]
    expect(code).toBe(1)
  })

  test('a failed start is one line on stderr without a stack, and what had started is stopped', async () => {
    const { code, stderr, stdout } = await runProgram(node, 'bad-start')
    expect(code).toBe(1)
    expect(stderr).toBe('lameduck: stopped on a failed start: http could not start: port 80 is in use\n')
    expect(stdout[0]).toBe('db drained')
    expect(stdout).not.toContain('never')
  })
})

describe.each(nodes)('$name: without a signal', (node) => {
  test('an empty event loop runs the plan, waits for it, and is over with it', async () => {
    const { code, report, stdout } = await runProgram(node, 'natural-end')
    expect(code).toBe(0)
    expect(stdout[0]).toBe('db drained')
    expect(report?.reason).toEqual({ kind: 'programmatic', detail: 'the event loop was empty' })
  })

  // Catches: exit code 0 of a service that was never ready.
  test('… and in the middle of a start it is a failure that names what was waited for', async () => {
    const { code, stderr, stdout } = await runProgram(node, 'never-starts')
    expect(code).toBe(1)
    expect(stderr).toContain('lameduck: stopped on a failed start: the event loop was empty before everything had started, and nothing is left that could end it; it waited for the start of "http", which waits for its server to listen')
    expect(stdout[0]).toBe('db drained')
    expect(stdout).not.toContain('never')
  })

  test('a natural end keeps a failing process.exitCode', async () => {
    expect((await runProgram(node, 'natural-end', { parameters: ['3'] })).code).toBe(3)
  })

  test('lifecycle.stop() ends the process as a signal does', async () => {
    const { code, report } = await runProgram(node, 'stops-itself')
    expect(code).toBe(0)
    expect(report?.reason).toEqual({ kind: 'programmatic', detail: 'the work is done' })
  })

  test('process.exit() without a stop, or in the middle of one, does not go unnoticed, nor who called it', async () => {
    const before = await runProgram(node, 'exits-by-hand', { parameters: ['before'] })
    expect(before).toMatchObject({ code: 4, report: undefined })
    expect(before.stderr).toMatch(/^lameduck: process\.exit\(4\) was called without a stop by .*exits-by-hand\.mjs:\d+:\d+: nothing was drained\./)
    const during = await runProgram(node, 'exits-by-hand', { on: { ready: term } })
    expect(during).toMatchObject({ code: 5, report: undefined })
    expect(during.stderr).toMatch(/^lameduck: process\.exit\(5\) was called while stopping by .*exits-by-hand\.mjs:\d+:\d+\)?; db did not finish\. Leave the exit to lameduck\.\n$/)
  })

  test('process.exit() that a timer was given is told without its caller', async () => {
    const { stderr } = await runProgram(node, 'exits-by-hand', { parameters: ['bound'], on: { ready: term } })
    expect(stderr).toBe('lameduck: process.exit(6) was called while stopping; db did not finish. Find who calls it, and leave the exit to lameduck.\n')
  })
})

describe.each(nodes)('$name: a process', (node) => {
  test('understands pm2’s messages, and tells it when it is ready', async () => {
    const { stdout, report } = await runProgram(node, 'pm2-stand-in', { parameters: [programPath('clean')] })
    expect(stdout).toEqual(expect.arrayContaining(['told ready', 'exit code 0']))
    expect(report?.reason).toEqual({ kind: 'message', message: 'shutdown' })
  })

  test('that a service under pm2 has forked tells its parent nothing', async () => {
    const child = fork(programPath('clean'), { execPath: node.path, execArgv: [], env: { ...process.env, pm_id: '0', kill_timeout: '60000' }, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    const messages: unknown[] = []
    child.on('message', (message) => messages.push(message))
    child.stdout?.once('data', () => term(child))
    const [code] = (await once(child, 'close')) as [number | null]
    expect({ code, messages }).toEqual({ code: 0, messages: [] })
  })

  test('ends although a listener of its exit throws', async () => {
    const { code, report, stderr } = await runProgram(node, 'throws-at-exit', { on: { ready: term } })
    expect(code).toBe(0)
    expect(report?.result).toBe('clean')
    expect(stderr).toMatch(/^lameduck: a listener of "exit" threw: Error: at the end\n/)
  })

  test('that holds two copies of core ends with the last lifecycle of both', async () => {
    const { code, stdout } = await runProgram(node, 'two-copies', { on: { ready: term } })
    expect(code).toBe(0)
    expect(stdout).toContain('slow drained')
  })

  test('hands a big file to the disk before it exits', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lameduck-file-'))
    await runProgram(node, 'writes-at-the-end', { parameters: [join(folder, 'file')], on: { ready: term } })
    expect((await stat(join(folder, 'file'))).size).toBe(200_000_000)
    await rm(folder, { recursive: true })
  })

  test('has its signals in the main thread: a worker that binds is refused', async () => {
    const { stdout } = await runProgram(node, 'binds-in-a-worker')
    expect(stdout).toEqual(['wrong-state'])
  })

  test.each(['hears of it', 'stops itself'])('ends with a lifecycle that is bound after the signal (the first one %s)', async (how) => {
    const { code, stdout } = await runProgram(node, 'binds-late', { parameters: [how], on: { ready: term } })
    expect(code).toBe(0)
    expect(stdout).toContain('second drained')
  })

  test('ends when the last lifecycle that is left is unbound', async () => {
    const { code, stderr } = await runProgram(node, 'unbinds', { parameters: [join(tmpdir(), `lameduck-unbinds-${process.pid}`)], on: { ready: term } })
    expect(stderr).toBe('')
    expect(code).toBe(0)
  })

  test('with two lifecycles ends with the last of them', async () => {
    const { code, stdout } = await runProgram(node, 'two-lifecycles', { on: { ready: term } })
    expect(code).toBe(0)
    expect(stdout).toContain('slow drained')
    expect(stdout.filter((line) => line.startsWith('{'))).toHaveLength(2)
  })

  test('hands two megabytes of its last step to a pipe before it exits', async () => {
    const { stdout } = await runProgram(node, 'big-output', { on: { ready: term } })
    expect(stdout.find((line) => line.startsWith('xxx'))).toHaveLength(2_000_000)
  })

  test('waits for a pipe that nobody reads no longer than its bound', async () => {
    const tookMs = async (flushMs: number): Promise<number> => {
      const child = spawn(node.path, [programPath('big-output'), String(flushMs)], { stdio: ['ignore', 'pipe', 'pipe'] })
      let signalledAt = 0
      child.stdout.once('data', () => {
        child.stdout.pause()
        signalledAt = performance.now()
        term(child)
      })
      const [code] = (await once(child, 'exit')) as [number | null]
      child.stdout.destroy()
      expect(code).toBe(0)
      return performance.now() - signalledAt
    }
    // Compared with one another, so that the machine does not matter.
    expect((await tookMs(1_500)) - (await tookMs(100))).toBeGreaterThan(700)
  })

  test.each(['open', 'readFile', 'promise'])('is not held up by a thread of the pool that waits for ever (%s)', async (how) => {
    const folder = await mkdtemp(join(tmpdir(), 'lameduck-pool-'))
    spawnSync('mkfifo', [join(folder, 'fifo')])
    const { code, signal, stdout, stderr, report } = await runProgram(node, 'pool-hangs', { parameters: [join(folder, 'fifo'), how], on: { ready: term } })
    // Node 20 cannot leave its threads behind.
    expect({ code, signal }).toEqual(node.major < 22 ? { code: null, signal: 'SIGKILL' } : { code: 0, signal: null })
    expect(stderr.includes('a file that was opened or read never answered, and holds up process.exit(0)')).toBe(node.major < 22)
    expect(report?.result).toBe('clean')
    expect(stdout[1]).toBe('db drained')
    expect(stdout.filter((line) => line === 'exit listener 0')).toHaveLength(1)
    await rm(folder, { recursive: true })
  })

  test('that is a job with work left ends with 143, and with 0 when it has done all of it', async () => {
    const interrupted = await runProgram(node, 'job', { on: { ready: term } })
    expect(interrupted).toMatchObject({ code: 143, signal: null, report: { result: 'interrupted' } })
    expect(interrupted.report?.steps[0]?.unfinished).toBeGreaterThan(0)
    expect(interrupted.stderr).toMatch(/^lameduck: stopped on SIGTERM; import has \d+ left to do\n$/)
    expect(await runProgram(node, 'job', { parameters: ['short'] })).toMatchObject({ code: 0, report: { result: 'clean' } })
  })
})

describe.each(nodes)('$name: a cluster’s primary', (node) => {
  test('tells its workers, which it alone hears of the signal for, and waits for them', async () => {
    const { code, report, stdout } = await runProgram(node, 'cluster', { on: { ready: term } })
    expect(code).toBe(0)
    expect(stdout.filter((line) => line.endsWith(' drained')).toSorted()).toEqual(['worker 1 drained', 'worker 2 drained'])
    expect(report?.steps).toMatchObject([{ name: 'cluster-workers', outcome: 'drained', inFlight: { atStop: 2 } }])
  })

  test('leaves although its code replaces every worker that has exited', async () => {
    const { code, report } = await runProgram(node, 'cluster', { parameters: ['replaces'], on: { ready: term } })
    expect(code).toBe(0)
    expect(outcomes(report)).toEqual(['cluster-workers drained'])
  })

  test('kills a worker that hangs before its own time is over', async () => {
    const { code, report } = await runProgram(node, 'cluster', { parameters: ['hangs'], on: { ready: term } })
    expect(code).toBe(71)
    expect(report?.steps).toMatchObject([{ outcome: 'forced', inFlight: { atForce: 2 } }])
    expect(report?.steps[0]?.waitingFor).toHaveLength(2)
  })
})
