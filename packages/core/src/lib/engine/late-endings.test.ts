import { expect, test } from 'vitest'
import { createFakeClock } from '../testing/fake-clock.ts'
import type { LifecycleEvent } from '../events.ts'
import type { Report } from '../report/report.ts'
import type { Resource } from '../resource.ts'
import { createTally, type Tally } from '../work/tally.ts'
import { createLifecycle } from './create-lifecycle.ts'

const left = 'its drain ended while 3 units were still in flight'

/** Stops a server whose drain leaves three units in flight, which end 500 ms after the signal. The stop ends after a second. */
async function stopWith(last: Partial<Resource>, own: Partial<Resource> = {}): Promise<{ report: Report; events: LifecycleEvent[] }> {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {} })
  const events: LifecycleEvent[] = []
  lifecycle.subscribe((event) => events.push(event))
  let inFlight = 3
  lifecycle.add({ name: 'server', phase: 'intake', inFlight: () => inFlight, waitingFor: () => ['GET /'], drain() {}, ...own })
  lifecycle.add({ name: 'last', phase: 'connections', drain: () => new Promise((resolve) => void clock.setTimer(resolve, 1_000)), ...last })
  await lifecycle.start()
  const stopped = lifecycle.stop()
  clock.setTimer(() => (inFlight = 0), 500)
  await clock.advance(2_000)
  return { report: await stopped, events }
}

test.each<[string, Partial<Resource>]>([
  ['nothing has closed', { phase: 'intake', drainFrom: 'signal' }],
  ['what has closed counts late calls', { tally: createTally().read }],
])('what a drain has left, and has ended in the stop, is done where %s meanwhile', async (_what, last) => {
  const { report, events } = await stopWith(last)
  const server = report.steps.find(({ name }) => name === 'server')
  expect(server).toMatchObject({ outcome: 'drained', errors: [], waitingFor: [] })
  expect(report.result).toBe('clean')
  const warning = expect.stringMatching(new RegExp(`^server: ${left}\\. The work ended before the stop did`))
  expect(report.warnings).toEqual([warning])
  expect(events).toContainEqual({ type: 'warning', message: warning })
  // As it was when the step was over.
  expect(events).toContainEqual(expect.objectContaining({ type: 'step-finished', step: expect.objectContaining({ name: 'server', outcome: 'unknown' }) }))
})

const refusing: Tally = { done: 0, failed: 0, cut: 0, refused: 1, unknown: 0, reasons: [] }

test.each<[string, Partial<Resource>, Partial<Resource>, object, string]>([
  // Catches: a handler that found its pool closed, and answered 500.
  ['a client has closed that counts nothing', {}, {}, { outcome: 'unknown', errors: [left], waitingFor: ['GET /'] }, 'unknown'],
  ['a client has refused it', { tally: () => refusing }, {}, { outcome: 'drained' }, 'unknown'],
  ['it is still in flight', { tally: createTally().read }, { inFlight: () => 3 }, { outcome: 'unknown', errors: [left] }, 'unknown'],
  ['some of it has failed since', { tally: createTally().read }, lateTally({ failed: 1 }), { outcome: 'failed', errors: [left, '1 of 1 failed while it stopped'] }, 'failed'],
  ['of some of it nobody can tell', { tally: createTally().read }, lateTally({ unknown: 1 }), { outcome: 'unknown', errors: [left] }, 'unknown'],
])('… and is not where %s', async (_what, last, own, server, result) => {
  const { report } = await stopWith(last, own)
  expect(report).toMatchObject({ result, steps: [server, {}] })
})

/** Says nothing of what was left when the step is over, and this at the end. */
function lateTally(late: Partial<Tally>): Partial<Resource> {
  let reads = 0
  return { tally: () => ({ ...createTally().read(), ...((reads += 1) > 2 ? late : {}) }) }
}

// Catches: a listener that nobody has closed, and that takes work while the rest stops.
test.each<[string, Partial<Resource>, string]>([
  ['idle', {}, 'unknown'],
  ['drained', { tally: () => ({ ...createTally().read(), done: 1 }) }, 'unknown'],
  ['skipped', { start: () => {} }, 'unknown'],
  ['unknown of it already', { tally: () => ({ ...createTally().read(), unknown: 1 }) }, 'unknown'],
])('work that comes when its step was over, and is in flight at the end, is not clean: the step was %s', async (was, own, outcome) => {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {} })
  let inFlight = 0
  lifecycle.add({ name: 'server', phase: 'intake', inFlight: () => inFlight, drain() {}, ...own })
  const startsNever = was === 'skipped' ? { start: () => new Promise<void>(() => {}) } : {}
  lifecycle.add({ name: 'last', phase: 'connections', ...startsNever, drain() {}, force() {} })
  if (was === 'skipped') lifecycle.start().catch(() => {})
  lifecycle.subscribe((event) => void (event.type === 'step-finished' && event.step.name === 'server' && (inFlight = 1)))
  const stopped = lifecycle.stop()
  await clock.advance(30_000)
  const server = (await stopped).steps.find(({ name }) => name === 'server')
  expect(server?.outcome).toBe(outcome)
  const error = '1 unit was in flight when the stop ended, and came when its step was over'
  expect(server?.errors).toEqual(was.startsWith('unknown') ? [] : [error])
})
