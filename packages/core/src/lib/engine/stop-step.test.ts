import { expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import type { DrainContext, Resource } from '../resource.ts'
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Report } from '../report/report.ts'
import type { Tally } from '../work/tally.ts'

const nothing: Tally = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

interface Cut {
  readonly clock: FakeClock
  readonly lifecycle: Lifecycle
  readonly context: DrainContext
  readonly boundsMs: readonly number[]
  readonly stopped: Promise<Report>
}

/** A stop whose one drain hangs; it had 6,000 ms when nothing is said. */
async function hang(own: Partial<Resource> = {}, budgetMs: number = 6_100): Promise<Cut> {
  const clock = createFakeClock(1_000)
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: budgetMs + 500, marginMs: 500 } })
  const boundsMs: number[] = []
  const contexts: DrainContext[] = []
  const drain = (context: DrainContext): Promise<void> => (contexts.push(context), new Promise(() => {}))
  lifecycle.add({ name: 'pool', phase: 'connections', reserveMs: 1_000, drain, force: ({ boundMs }) => void boundsMs.push(boundMs), ...own })
  await lifecycle.start()
  const stopped = lifecycle.stop()
  await clock.advance(0)
  return { clock, lifecycle, context: contexts[0] as DrainContext, boundsMs, stopped }
}

test('a drain is told its deadline and what is left of it, never below 0', async () => {
  const { clock, context } = await hang()
  expect(context).toMatchObject({ reason: { kind: 'programmatic' }, deadline: 7_000 })
  expect(context.remaining()).toBe(6_000)
  await clock.advance(2_500)
  expect(context.remaining()).toBe(3_500)
  await clock.advance(4_000)
  expect(context.remaining()).toBe(0)
})

test('… and what is left after the deadline has moved', async () => {
  const { clock, lifecycle, context } = await hang()
  await clock.advance(500)
  lifecycle.shrinkTo(2_100)
  expect([context.deadline, context.remaining()]).toEqual([3_500, 2_000])
  await clock.advance(1_500)
  expect(context.remaining()).toBe(500)
})

test('the signal aborts at the deadline, with whose it is', async () => {
  const { clock, context } = await hang()
  const { signal } = context
  await clock.advance(5_999)
  expect(signal.aborted).toBe(false)
  await clock.advance(1)
  expect(signal.reason).toMatchObject({ message: 'pool was cut' })
})

test('a signal that is asked for only after the cut has aborted', async () => {
  const { clock, context } = await hang()
  await clock.advance(6_000)
  expect(context.signal.reason).toMatchObject({ message: 'pool was cut' })
  expect(context.signal).toBe(context.signal)
})

// Catches: a client's own text in the log of the service at full length, once a second and again in the report.
test('a text of what is waited for is cut when it is long', async () => {
  const path = 'a'.repeat(12_000)
  const { clock, lifecycle, stopped } = await hang({ inFlight: () => 1, waitingFor: () => [`GET /${path} 5 ms`, 'GET /short 4 ms'] })
  const shown: unknown[] = []
  lifecycle.subscribe((event) => event.type === 'still-waiting' && shown.push(event.steps[0]?.waitingFor))
  await clock.advance(6_100)
  const cut = [`GET /${path.slice(0, 195)}…`, 'GET /short 4 ms']
  expect((await stopped).steps[0]?.waitingFor).toEqual(cut)
  expect(shown).not.toEqual([])
  for (const texts of shown) expect(texts).toEqual(cut)
})

test.each<[string, Partial<Resource>, number | undefined, (lifecycle: Lifecycle) => void, number]>([
  ['is told its own bound', { forceMs: 250 }, undefined, () => {}, 250],
  ["… or else the policy's", {}, undefined, () => {}, 100],
  // 1,250 ms of lengths in a budget of 625.
  ['… scaled with the reserves', { forceMs: 250 }, 625, () => {}, 125],
  ['… as it is after the deadline has moved', { forceMs: 250 }, undefined, (lifecycle) => lifecycle.shrinkTo(625), 125],
  ['… the whole of it when it is called early', { forceMs: 250 }, undefined, (lifecycle) => lifecycle.force(), 250],
])('force %s', async (_what, own, budgetMs, meanwhile, boundMs) => {
  const { clock, lifecycle, boundsMs, stopped } = await hang(own, budgetMs)
  meanwhile(lifecycle)
  await clock.advance(6_100)
  await stopped
  expect(boundsMs).toEqual([boundMs])
})

// Catches: a drain that is somebody's `close()`, which resolves while three jobs still run, called drained.
test.each<[string, Partial<Resource>, object, string]>([
  ['work of which it counts 3', { inFlight: () => 3, waitingFor: () => ['job 7'] }, { outcome: 'unknown', errors: ['its drain ended while 3 units were still in flight'], waitingFor: ['job 7'] }, 'unknown'],
  ['1 unit', { inFlight: () => 1 }, { outcome: 'unknown', errors: ['its drain ended while 1 unit was still in flight'], waitingFor: [] }, 'unknown'],
  ['work that its tally doubts', { inFlight: () => 3, tally: () => ({ ...nothing, unknown: 3 }) }, { outcome: 'unknown', errors: [] }, 'unknown'],
  ['more than its tally doubts', { inFlight: () => 3, tally: () => ({ ...nothing, unknown: 2 }) }, { outcome: 'unknown', errors: [expect.stringMatching(/3 units/)] }, 'unknown'],
  ['work that its tally has as cut', { inFlight: () => 3, tally: () => ({ ...nothing, cut: 3 }) }, { outcome: 'forced', errors: [] }, 'forced'],
  ['work beside what failed', { inFlight: () => 3, tally: () => ({ ...nothing, failed: 1 }) }, { outcome: 'failed', errors: ['1 of 1 failed while it stopped', expect.stringMatching(/3 units/)] }, 'failed'],
])('a drain that leaves %s in flight is not called drained', async (_what, own, step, result) => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add({ name: 'orders', phase: 'work', drain() {}, ...own })
  expect(await lifecycle.stop()).toMatchObject({ result, steps: [step] })
})

test('what is counted down in the turn after the drain was done in it', async () => {
  const lifecycle = createLifecycle({ env: {} })
  let inFlight = 3
  lifecycle.add({ name: 'orders', phase: 'work', inFlight: () => inFlight, drain: () => void setImmediate(() => (inFlight = 0)) })
  expect(await lifecycle.stop()).toMatchObject({ result: 'clean', steps: [{ outcome: 'drained', errors: [] }] })
})

// Catches: a loop that is busy for 15 ms behind the drain, taken for work that was left.
test('the time for that does not run out while the event loop is blocked', async () => {
  const lifecycle = createLifecycle({ env: {} })
  let inFlight = 1
  const block = (): void => {
    const end = performance.now() + 30
    while (performance.now() < end);
  }
  // Two turns of the loop, behind what blocks it.
  const drain = (): void => void setImmediate(() => setImmediate(() => (block(), setImmediate(() => (inFlight = 0)))))
  lifecycle.add({ name: 'orders', phase: 'work', inFlight: () => inFlight, drain })
  expect(await lifecycle.stop()).toMatchObject({ result: 'clean', steps: [{ outcome: 'drained', errors: [] }] })
})

test('a count that can no longer be read when the drain has ended is not 0', async () => {
  const lifecycle = createLifecycle({ env: {} })
  let isOver = false
  const inFlight = (): number => {
    if (isOver) throw new Error('the pool is gone')
    return 3
  }
  lifecycle.add({ name: 'orders', phase: 'work', inFlight, drain: () => void (isOver = true) })
  expect(await lifecycle.stop()).toMatchObject({ result: 'unknown', steps: [{ outcome: 'unknown', errors: ['inFlight: the pool is gone', expect.stringContaining('cannot be read')] }] })
})

test('a stop that is forced in that turn has the step forced, once', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const forced: string[] = []
  lifecycle.add({ name: 'orders', phase: 'work', inFlight: () => 3, drain: () => void setImmediate(() => lifecycle.force()), force: () => void forced.push('orders') })
  expect(await lifecycle.stop()).toMatchObject({ result: 'forced', steps: [{ outcome: 'forced', inFlight: { atForce: 3 } }] })
  expect(forced).toEqual(['orders'])
})
