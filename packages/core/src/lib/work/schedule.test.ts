import { describe, expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import type { Resource } from '../resource.ts'
import { schedule, type Trigger } from './schedule.ts'

/** A scheduler that runs the job when the test says so. */
function byHand(): { trigger: Trigger; run: () => Promise<void>; drop: () => void; ended: () => boolean } {
  let run: (() => Promise<void>) | undefined
  let ended = false
  return {
    trigger: (given) => {
      run = given
      return () => (ended = true)
    },
    run: async () => run?.(),
    drop: () => void run?.(),
    ended: () => ended,
  }
}

test('the run that is under way is finished, and none is begun from the signal on', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const { trigger, run, ended } = byHand()
  let runs = 0
  let finish = (): void => {}
  lifecycle.add(schedule('report', () => new Promise<void>((resolve) => ((runs += 1), (finish = resolve))), trigger))
  await lifecycle.start()
  const running = run()
  const stopped = lifecycle.stop()
  expect(ended()).toBe(true)
  await expect(run()).rejects.toMatchObject({ code: 'closed', resource: 'report', what: 'a run' })
  expect(runs).toBe(1)
  finish()
  await running
  const report = await stopped
  expect(report.steps).toMatchObject([{ name: 'report', phase: 'work', outcome: 'drained', inFlight: { atStop: 1 }, work: { done: 1, refused: 0 } }])
  expect(report.result).toBe('clean')
})

// Catches: an unhandled rejection for whoever drops the promise, which the runner would tell.
test('a run that comes too late, and is dropped, is told nobody', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const { trigger, drop } = byHand()
  let runs = 0
  lifecycle.add(schedule('report', async () => void (runs += 1), trigger))
  await lifecycle.start()
  const report = await lifecycle.stop()
  drop()
  await new Promise((resolve) => setImmediate(resolve))
  expect([runs, report.result]).toEqual([0, 'clean'])
})

test('a run that fails in the stop fails the step', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const { trigger, run } = byHand()
  let fail = (_error: Error): void => {}
  lifecycle.add(schedule('report', () => new Promise((_resolve, reject) => (fail = reject)), trigger))
  await lifecycle.start()
  const running = expect(run()).rejects.toThrow('no paper')
  const stopped = lifecycle.stop()
  fail(new Error('no paper'))
  await running
  expect((await stopped).steps).toMatchObject([{ outcome: 'failed', errors: ['1 of 1 failed while it stopped (a run: no paper)'] }])
})

// Catches: `schedule('poll', () => void poll(), 100)`.
test('a run that returned no promise is unknown', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const { trigger, run } = byHand()
  lifecycle.add(schedule('report', () => {}, trigger))
  await lifecycle.start()
  await run()
  expect(await lifecycle.stop()).toMatchObject({ result: 'unknown', steps: [{ outcome: 'unknown', work: { done: 0, unknown: 1, reasons: [expect.stringMatching(/^a run: it returned no promise/)] } }] })
})

test('an interval leaves a run out while the last one runs, begins with the service and ends with it', async () => {
  const lifecycle = createLifecycle({ env: {} })
  let begun = 0
  let running = 0
  let most = 0
  let enough = (): void => {}
  const three = new Promise<void>((resolve) => (enough = resolve))
  lifecycle.add(
    schedule('poll', async () => {
      begun += 1
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 20))
      running -= 1
      if (begun === 3) enough()
    }, 5),
  )
  expect(begun).toBe(0)
  await lifecycle.start()
  await three
  const report = await lifecycle.stop()
  const atStop = begun
  await new Promise((resolve) => setTimeout(resolve, 40))
  expect([most, running, begun]).toEqual([1, 0, atStop])
  expect(report.result).toBe('clean')
})

test.each<[string, () => unknown, string]>([
  ['a job that is no function', () => schedule('report', 'now' as never, 5), 'schedule("report"): the job must be a function; it is "now" (string)'],
  ['a cron expression', () => schedule('report', () => {}, '* * * * *' as never), 'schedule("report"): the interval must be a number of milliseconds, at least 1; it is "* * * * *" (string)'],
])('refuses %s', (_what, call, message) => {
  expect(call).toThrow(message)
})

test('a scheduler that cannot be ended fails the start', async () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(schedule('report', () => {}, (() => undefined) as never))
  await expect(lifecycle.start()).rejects.toThrow('must return how to take it back; it returned undefined (undefined)')
})

describe('a job that others need in the stop', () => {
  /** A request that is under way at the signal; it ends when the test says so. */
  function request(ended: Promise<void>): Resource {
    let left = 1
    return { name: 'request', phase: 'intake', inFlight: () => left, drain: async () => void (await ended, (left = 0)) }
  }

  test('goes on until its own step, so that a request gets the flush it waits for', async () => {
    const lifecycle = createLifecycle({ env: {} })
    const { trigger, run, ended } = byHand()
    let flushed = (): void => {}
    const isFlushed = new Promise<void>((resolve) => (flushed = resolve))
    lifecycle.add(schedule('flush', async () => flushed(), trigger, { until: 'drain' }))
    lifecycle.add(request(isFlushed))
    await lifecycle.start()
    const stopped = lifecycle.stop()
    expect(ended()).toBe(false)
    await run()
    const report = await stopped
    expect([ended(), report.result, report.steps.map(({ name }) => name)]).toEqual([true, 'clean', ['request', 'flush']])
    await expect(run()).rejects.toMatchObject({ code: 'closed' })
  })

  test('runs once more in its own step, when the run that is under way is over, and what the requests left is flushed', async () => {
    const lifecycle = createLifecycle({ env: {} })
    const { trigger, run } = byHand()
    const buffer = ['before']
    const rows: string[][] = []
    let write = (): void => {}
    const written = new Promise<void>((resolve) => (write = resolve))
    const flush = async (): Promise<void> => {
      const all = buffer.splice(0)
      await written
      rows.push(all)
    }
    lifecycle.add(schedule('flush', flush, trigger, { lastRun: true }))
    lifecycle.add({ name: 'request', phase: 'intake', drain: () => void buffer.push('in the stop') })
    await lifecycle.start()
    const running = run()
    const stopped = lifecycle.stop()
    write()
    await running
    expect(await stopped).toMatchObject({ result: 'clean', steps: [{ name: 'request' }, { name: 'flush', work: { done: 2, cut: 0 } }] })
    expect(rows).toEqual([['before'], ['in the stop']])
  })

  test('fails the step where its last run fails, and nothing else', async () => {
    const lifecycle = createLifecycle({ env: {} })
    lifecycle.add(schedule('flush', () => Promise.reject(new Error('disk full')), byHand().trigger, { lastRun: true }))
    await lifecycle.start()
    expect(await lifecycle.stop()).toMatchObject({ result: 'failed', errors: [], steps: [{ outcome: 'failed', errors: ['1 of 1 failed while it stopped (the last run: disk full)'] }] })
  })

  // Catches: a buffer that was never flushed, because the run before it took all the time.
  test('is cut with the run that is under way, and with the last one that never began', async () => {
    const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 1_500 } })
    const { trigger, run } = byHand()
    lifecycle.add(schedule('flush', () => new Promise(() => {}), trigger, { lastRun: true, timeoutMs: 50 }))
    await lifecycle.start()
    const running = expect(run()).rejects.toMatchObject({ code: 'cut' })
    expect(await lifecycle.stop()).toMatchObject({ result: 'forced', steps: [{ outcome: 'forced', work: { cut: 2 } }] })
    await running
  })

  test.each([
    [{ until: 'drian' as 'drain' }, 'schedule("flush"): until must be "signal" or "drain"; it is "drian" (string)'],
    [{ lastRun: 1 as unknown as boolean }, 'schedule("flush"): lastRun must be true or false; it is 1 (number)'],
    [{ last: true } as never, 'schedule("flush"): the option last is not known; did you mean lastRun?'],
  ])('refuses %j', (options, message) => {
    expect(() => schedule('flush', async () => {}, 5, options)).toThrow(message)
  })
})
