import { expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
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
