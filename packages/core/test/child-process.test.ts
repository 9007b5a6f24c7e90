import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import cluster from 'node:cluster'
import { afterEach, describe, expect, test } from 'vitest'
import { childProcess, clusterWorkers } from '../src/lib/process/child-processes.ts'
import { createLifecycle } from '../src/lib/engine/create-lifecycle.ts'
import type { Report } from '../src/lib/report/report.ts'

const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** A program that has said `ready`. */
async function started(code: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', `${code}; setInterval(() => {}, 1e6); console.log('ready')`], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout as NodeJS.ReadableStream, 'data')
  return child
}

async function stopWith(child: ChildProcess, graceMs: number = 10_000): Promise<Report> {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs } })
  lifecycle.add(childProcess(child))
  return lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
}

describe('a child process', () => {
  test('that exits with 0 has drained', async () => {
    const child = await started(`process.on('SIGTERM', () => setTimeout(() => process.exit(0), 50))`)
    expect(await stopWith(child)).toMatchObject({ result: 'clean', steps: [{ name: 'child-process', outcome: 'drained', inFlight: { atStop: 1 } }] })
    expect(child.exitCode).toBe(0)
  })

  test('that exits with another code has failed', async () => {
    const child = await started(`process.on('SIGTERM', () => process.exit(3))`)
    expect((await stopWith(child)).steps).toMatchObject([{ outcome: 'failed', work: { done: 0, failed: 1 }, errors: [`1 of 1 failed while it stopped (process ${child.pid}: exited with code 3)`] }])
  })

  test('that has no handler is told apart from one that drained', async () => {
    const child = await started('')
    expect((await stopWith(child)).steps[0]?.errors).toEqual([`1 of 1 failed while it stopped (process ${child.pid}: was ended by SIGTERM, for which it has no listener: bind a lifecycle in the child, or let it exit with 0 on that signal)`])
  })

  test.each([
    ['hangs', `process.on('SIGTERM', () => {})`, false],
    ['is frozen', `process.on('SIGTERM', () => process.exit(0))`, true],
  ])('that %s is killed at its deadline', async (_how, code, frozen) => {
    const child = await started(code)
    if (frozen) child.kill('SIGSTOP')
    expect((await stopWith(child, 2_000)).steps).toMatchObject([{ outcome: 'forced', inFlight: { atForce: 1 }, work: { failed: 0, cut: 1 }, waitingFor: [`process ${child.pid}`], errors: [] }])
    expect(child.signalCode).toBe('SIGKILL')
  })

  test('that had gone before is nothing to wait for, however it ended', async () => {
    const child = await started('')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await stopWith(child)).toMatchObject({ result: 'clean', steps: [{ outcome: 'idle' }] })
  })
})

describe('a child process that dies by itself before the stop', () => {
  test.each([
    ['that crashes', 'SIGKILL', (pid: number | undefined) => `process ${pid} was ended by SIGKILL`],
    ['that leaves with 3', 'SIGTERM', (pid: number | undefined) => `process ${pid} exited with code 3`],
  ] as const)('is told (%s), and the stop is not clean', async (_how, signal, why) => {
    const child = await started(`process.on('SIGTERM', () => process.exit(3))`)
    const lifecycle = createLifecycle({ env: {} })
    lifecycle.add(childProcess(child), { whenEnded: 'stop' })
    const ended: string[] = []
    lifecycle.subscribe((event) => event.type === 'resource-ended' && ended.push(event.why))
    child.kill(signal)
    await once(lifecycle.stopping, 'abort')
    expect(ended).toEqual([why(child.pid)])
    expect(await lifecycle.stop()).toMatchObject({ result: 'failed', steps: [{ outcome: 'failed', errors: [`it ended by itself before the stop: ${why(child.pid)}`] }] })
  })

  test('is done where it leaves with 0', async () => {
    const child = await started(`process.on('SIGTERM', () => process.exit(0))`)
    const lifecycle = createLifecycle({ env: {} })
    lifecycle.add(childProcess(child), { whenEnded: 'stop' })
    child.kill('SIGTERM')
    await once(child, 'exit')
    expect((await lifecycle.stop()).result).toBe('clean')
  })
})

test('workers that are replaced have not died, and the last one that is not has', async () => {
  const workers: Record<string, { process: ChildProcess }> = {}
  const primary = new EventEmitter()
  const lifecycle = createLifecycle({ env: {} })
  const ended: string[] = []
  lifecycle.subscribe((event) => event.type === 'resource-ended' && ended.push(event.why))
  lifecycle.add(clusterWorkers(Object.assign(primary, { isPrimary: true, workers }) as never))
  const fork = async (id: string): Promise<ChildProcess> => {
    const child = await started('')
    workers[id] = { process: child }
    child.once('exit', () => primary.emit('exit', workers[id]))
    return child
  }
  const first = await fork('1')
  const second = await fork('2')
  first.kill('SIGKILL')
  await once(first, 'exit')
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  expect(ended).toEqual([])
  second.kill('SIGKILL')
  await once(second, 'exit')
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  expect(ended).toEqual(['no worker is left'])
})

test('what is no child process, and a worker instead of the primary, are refused', () => {
  expect(() => childProcess({} as never)).toThrow('it was given {} (object)')
  expect(() => clusterWorkers({ ...cluster, isPrimary: false } as never)).toThrow('is for the primary process')
})

describe('a child on which others count', () => {
  /** It answers each line on its stdin until SIGTERM, and tells of that. */
  const works = `process.stdin.on('data', (line) => console.log('did ' + line)); process.on('SIGTERM', () => process.exit(0))`

  async function working(): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['-e', `${works}; console.log('ready')`], { stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(child)
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    return child
  }

  async function ask(child: ChildProcess): Promise<string> {
    const answer = once(child.stdout as NodeJS.ReadableStream, 'data')
    child.stdin?.write('1')
    return String((await Promise.race([answer, once(child, 'exit')]))[0]).trim()
  }

  test.each([
    ['in a later phase', { phase: 'connections' as const }, false],
    ['that is needed', {}, true],
  ])('%s works for a request of the drain, and leaves afterwards', async (_which, options, isNeeded) => {
    const child = await working()
    const lifecycle = createLifecycle({ env: {} })
    const added = lifecycle.add(childProcess(child, options))
    const answers: string[] = []
    lifecycle.add(
      {
        name: 'server',
        phase: 'intake',
        async drain() {
          // Long enough that a child which was told at the signal has gone.
          await Promise.race([once(child, 'exit'), new Promise((resolve) => setTimeout(resolve, 300))])
          answers.push(await ask(child))
        },
      },
      { needs: isNeeded ? [added] : [] },
    )
    await lifecycle.start()
    const { result, steps } = await lifecycle.stop()
    expect(answers).toEqual(['did 1'])
    expect([result, steps.map(({ name }) => name), child.exitCode]).toEqual(['clean', ['server', 'child-process'], 0])
  })

  test('and that crashes before it is told has failed', async () => {
    const child = await working()
    const lifecycle = createLifecycle({ env: {} })
    lifecycle.add(childProcess(child, { phase: 'connections' }))
    lifecycle.add({ name: 'server', phase: 'intake', drain: async () => void (child.kill('SIGKILL'), await once(child, 'exit')) })
    await lifecycle.start()
    expect(await lifecycle.stop()).toMatchObject({ result: 'failed', steps: [{}, { errors: [`1 of 1 failed while it stopped (process ${child.pid}: was ended by SIGKILL)`] }] })
  })
})
