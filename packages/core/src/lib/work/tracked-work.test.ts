import { EventEmitter, once } from 'node:events'
import { expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { isTracked, trackedWork, type TrackedWork } from './tracked-work.ts'
import type { Lifecycle } from '../lifecycle.ts'

/** Ends when it is told to. */
interface Job {
  readonly promise: Promise<string>
  finish(): void
  fail(error: Error): void
}

function job(): Job {
  const { promise, resolve, reject } = withResolvers()
  return { promise, finish: () => resolve('done'), fail: reject }
}

function withResolvers(): { promise: Promise<string>; resolve: (value: string) => void; reject: (error: Error) => void } {
  let resolve: (value: string) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<string>((...settle) => ([resolve, reject] = settle))
  return { promise, resolve, reject }
}

function service(graceMs: number = 10_000): { lifecycle: Lifecycle; work: TrackedWork } {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs } })
  const work = trackedWork('jobs')
  lifecycle.add(work)
  return { lifecycle, work }
}

test('a stop waits for what runs, and counts it', async () => {
  const { lifecycle, work } = service()
  const one = job()
  const result = work.run(() => one.promise, 'mail')
  const stopped = lifecycle.stop()
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(lifecycle.state.name).toBe('draining')
  expect(work.waitingFor?.()).toEqual([expect.stringMatching(/^mail 0\.\d s$/)])
  one.finish()
  expect(await result).toBe('done')
  const report = await stopped
  expect(report.result).toBe('clean')
  expect(report.steps).toMatchObject([{ name: 'jobs', outcome: 'drained', inFlight: { atStop: 1 }, work: { done: 1, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] } }])
})

test('what nobody began is idle', async () => {
  const { lifecycle, work } = service()
  await work.run(async () => 'before the stop')
  expect((await lifecycle.stop()).steps).toMatchObject([{ outcome: 'idle', work: { done: 0 } }])
})

test('work that one piece begins after the other is all done', async () => {
  const { lifecycle, work } = service()
  const first = job()
  let done = 0
  const chain = (async () => {
    await work.run(() => first.promise)
    for (let n = 0; n < 20; n += 1) {
      await work.run(() => new Promise((resolve) => setImmediate(resolve)))
      done += 1
    }
  })()
  const stopped = lifecycle.stop()
  first.finish()
  expect((await stopped).steps).toMatchObject([{ outcome: 'drained', work: { done: 21, refused: 0 } }])
  await chain
  expect(done).toBe(20)
})

test('work that fails in the stop fails the step, with a count and why', async () => {
  const { lifecycle, work } = service()
  const jobs = [job(), job(), job()]
  const results = jobs.map(({ promise }) => work.run(() => promise, 'mail'))
  const stopped = lifecycle.stop()
  jobs[0]?.finish()
  jobs[1]?.fail(new Error('the server hung up'))
  jobs[2]?.fail(new Error('the server hung up'))
  await Promise.allSettled(results)
  const report = await stopped
  expect(report.result).toBe('failed')
  expect(report.steps).toMatchObject([{ outcome: 'failed', work: { done: 1, failed: 2 }, errors: ['2 of 3 failed while it stopped (mail: the server hung up (×2))'] }])
})

test('work that is cut hears of it, rejects with what the stop is called, and is counted', async () => {
  const { lifecycle, work } = service(400)
  let heard: unknown
  const result = work.run(({ signal }) => once(signal, 'abort').then(() => ((heard = signal.reason), new Promise(() => {}))), 'mail')
  const rejected = expect(result).rejects.toMatchObject({ name: 'LifecycleError', code: 'cut', resource: 'jobs', message: expect.stringContaining('mail') })
  const report = await lifecycle.stop()
  await rejected
  expect(heard).toMatchObject({ code: 'cut' })
  expect(report.steps).toMatchObject([{ outcome: 'forced', work: { done: 0, cut: 1 } }])
})

test('what comes after the close is refused and counted, and the result is unknown and not clean', async () => {
  const { lifecycle, work } = service()
  let ran = false
  let late: Promise<unknown> | undefined
  lifecycle.add({ name: 'later', phase: 'connections', drain: () => void (late = work.run(() => (ran = true), 'heartbeat').catch((error: unknown) => error)) })
  const report = await lifecycle.stop()
  expect(await late).toMatchObject({ code: 'closed', resource: 'jobs' })
  expect(ran).toBe(false)
  expect(report).toMatchObject({ result: 'unknown', exitCode: 0 })
  expect(report.steps[0]).toMatchObject({ outcome: 'idle', work: { refused: 1, reasons: ['heartbeat: refused'] } })
})

// Catches: `work.wrap((order) => void ship(order))`, lost with the report saying clean.
test.each<[string, (work: TrackedWork) => void]>([
  ['wrapped', (work) => work.wrap(function onOrder() { return [].push() })()],
  ['run', (work) => void work.run(function onOrder() {})],
])('what was %s and returned no promise is unknown, where it came in the last 30 s or in the stop', async (_how, begin) => {
  const { lifecycle, work } = service()
  begin(work)
  begin(work)
  const stopped = lifecycle.stop()
  begin(work)
  const why = 'onOrder: it returned no promise, so nobody knows when its work is over: return the promise of what it begins, not `void f()`; if it begins nothing, make it async (×3)'
  expect(await stopped).toMatchObject({ result: 'unknown', exitCode: 0, steps: [{ outcome: 'unknown', work: { done: 0, unknown: 3, reasons: [why] } }] })
})

test('what ran returns what it returned, also where that is no promise', async () => {
  const { work } = service()
  expect(await work.run(() => 7)).toBe(7)
  await expect(work.run(() => { throw new Error('no') })).rejects.toThrow('no')
})

// Catches: a stop that waits for its whole deadline for a loop that nobody ends.
test('a loop that nobody stops is let go after 2 s, what it has in hand is finished, and the rest is refused', async () => {
  const { lifecycle, work } = service(20_000)
  let begun = 0
  let done = 0
  const loop = (async () => {
    for (;;) {
      await work.run(async () => {
        begun += 1
        await new Promise((resolve) => setTimeout(resolve, 5))
        done += 1
      })
    }
  })()
  loop.catch(() => {})
  const report = await lifecycle.stop()
  await expect(loop).rejects.toMatchObject({ code: 'closed' })
  expect(done).toBe(begun)
  expect(report.tookMs).toBeGreaterThan(1_900)
  expect(report.tookMs).toBeLessThan(8_000)
  expect(report.steps).toMatchObject([{ outcome: 'drained', work: { failed: 0, cut: 0, refused: 1 } }])
  expect(report.result).toBe('unknown')
})

test('a wrapped listener gets its emitter and its arguments, and is known as tracked', async () => {
  const { lifecycle, work } = service()
  const emitter = new EventEmitter()
  const seen: unknown[] = []
  const one = job()
  const listener = work.wrap(async function onMessage(this: EventEmitter, ...parameters: unknown[]) {
    seen.push(this, ...parameters)
    await one.promise
  })
  emitter.on('message', listener)
  emitter.emit('message', 1, 'two')
  expect(seen).toEqual([emitter, 1, 'two'])
  expect(work.waitingFor?.()).toEqual([expect.stringMatching(/^onMessage /)])
  expect([isTracked(listener), isTracked(() => {})]).toEqual([true, false])
  const stopped = lifecycle.stop()
  one.finish()
  expect((await stopped).steps).toMatchObject([{ outcome: 'drained', work: { done: 1 } }])
})

test.each<[string, () => unknown, string]>([
  ['no name', () => trackedWork(''), 'trackedWork() takes a name, a non-empty text; it was given "" (string)'],
  ['an unknown phase', () => trackedWork('jobs', { phase: 'soon' as never }), 'trackedWork("jobs"): phase must be one of intake, work, producers, connections, telemetry; it is "soon" (string)'],
  ['an unknown option', () => trackedWork('jobs', { timeout: 5 } as never), 'trackedWork("jobs"): the option timeout is not known; did you mean timeoutMs? Known are phase, timeoutMs, reserveMs'],
  ['a time that is none', () => trackedWork('jobs', { timeoutMs: '5s' as never }), 'trackedWork("jobs"): timeoutMs must be a number of milliseconds, at least 0; it is "5s" (string)'],
  ['a promise in place of a function', () => trackedWork('jobs').run(Promise.resolve() as never), 'run() takes a function; it was given Promise (object)'],
  ['no listener', () => trackedWork('jobs').wrap(undefined as never), 'wrap() takes a function; it was given undefined (undefined)'],
])('refuses %s', (_what, call, message) => {
  expect(call).toThrow(message)
})
