import { expect, test } from 'vitest'
import type { LifecycleEvent } from '../events.ts'
import type { Report } from '../report/report.ts'
import type { Resource } from '../resource.ts'
import type { Tally } from '../work/tally.ts'
import { createLifecycle } from './create-lifecycle.ts'

const nothing: Tally = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

/** Stops a pool whose tally says one thing when its step is over, and another at the end. */
async function stopWith(atFinish: Partial<Tally>, atEnd: () => Tally, own: Partial<Resource> = {}, last: Partial<Resource> = {}): Promise<{ report: Report; events: LifecycleEvent[] }> {
  const lifecycle = createLifecycle({ env: {} })
  const events: LifecycleEvent[] = []
  let isOver = false
  lifecycle.add({ name: 'pool', phase: 'connections', drain() {}, tally: () => (isOver ? atEnd() : { ...nothing, ...atFinish }), ...own })
  lifecycle.add({ name: 'traces', phase: 'telemetry', drain: () => void (isOver = true), ...last })
  lifecycle.subscribe((event) => events.push(event))
  return { report: await lifecycle.stop(), events }
}

test('calls that are refused after the step are in the report, and the step stays what it was', async () => {
  const { report } = await stopWith({ done: 3 }, () => ({ ...nothing, done: 3, refused: 2, reasons: ['INCR: late'] }))
  expect(report).toMatchObject({ result: 'unknown', exitCode: 0 })
  expect(report.steps[0]).toMatchObject({ outcome: 'drained', work: { done: 3, refused: 2, reasons: ['INCR: late'] } })
})

test('work that nobody can tell of in the end makes the step unknown', async () => {
  const { report, events } = await stopWith({ done: 1 }, () => ({ ...nothing, done: 1, unknown: 2, reasons: ['send: no answer'] }))
  expect(events).toContainEqual(expect.objectContaining({ type: 'step-finished', step: expect.objectContaining({ name: 'pool', outcome: 'drained' }) }))
  expect(report).toMatchObject({ result: 'unknown', steps: [{ outcome: 'unknown', work: { done: 1, unknown: 2 } }, {}] })
})

// Catches: a clean report, though a call that was under way when the step ended was lost after it.
test.each<[string, Partial<Tally>, Partial<Tally>, object]>([
  ['failed', { done: 1 }, { done: 1, failed: 2, reasons: ['send: gone (×2)'] }, { outcome: 'failed', work: { done: 1, failed: 2 }, errors: ['2 of 3 failed while it stopped (send: gone (×2))'] }],
  ['failed as well', { failed: 1 }, { failed: 2 }, { outcome: 'failed', work: { failed: 2 }, errors: ['2 of 2 failed while it stopped'] }],
  ['was cut', {}, { cut: 1 }, { outcome: 'forced', work: { cut: 1 }, errors: [] }],
  ['was done', {}, { done: 1 }, { outcome: 'drained', work: { done: 1 }, errors: [] }],
  ['was done, and nothing else', { done: 1 }, { done: 2 }, { outcome: 'drained', work: { done: 2 }, errors: [] }],
])('work that %s after the step is in the report', async (_what, atFinish, atEnd, step) => {
  const { report } = await stopWith(atFinish, () => ({ ...nothing, ...atEnd }))
  const { outcome } = step as { readonly outcome: string }
  expect(report).toMatchObject({ result: outcome === 'drained' ? 'clean' : outcome, steps: [step, {}] })
})

test('nothing becomes less that was counted before', async () => {
  const { report } = await stopWith({ done: 3, failed: 1, cut: 1, refused: 1, unknown: 1 }, () => nothing)
  expect(report).toMatchObject({ result: 'forced', steps: [{ outcome: 'forced', work: { done: 3, failed: 1, cut: 1, refused: 1, unknown: 1 } }, {}] })
})

test('reasons of before and of since are both told, each once', async () => {
  const before = { failed: 1, refused: 1, reasons: ['SELECT: timeout', 'UPDATE: refused'] }
  const { report } = await stopWith(before, () => ({ ...nothing, failed: 2, refused: 1, reasons: ['SELECT: timeout (×2)', 'INSERT: gone'] }))
  expect(report.steps[0]).toMatchObject({ work: { failed: 2, refused: 1, reasons: ['SELECT: timeout (×2)', 'INSERT: gone', 'UPDATE: refused'] } })
})

// Catches: one request counted as two.
test('what was unknown when the step ended, and was done since, is unknown and nothing else', async () => {
  const { report } = await stopWith({ done: 1, unknown: 1, reasons: ['POST /orders: hung up'] }, () => ({ ...nothing, done: 2 }))
  expect(report).toMatchObject({ result: 'unknown', steps: [{ work: { done: 1, unknown: 1, reasons: ['POST /orders: hung up'] } }, {}] })
})

const counts: Partial<Resource> = { tally: () => nothing }

// Catches: a doubt about work that was done before the process ended.
test.each<[string, Partial<Tally>, Partial<Tally>, Partial<Resource>, object, string]>([
  ['all of it was done', { done: 1, unknown: 1, reasons: ['POST /orders: hung up'] }, { done: 2 }, {}, { outcome: 'drained', errors: [], work: { done: 2, unknown: 0, reasons: [] } }, 'clean'],
  ['some of it was done', { unknown: 2, reasons: ['POST /orders: hung up (×2)'] }, { done: 1, unknown: 1, reasons: ['POST /orders: hung up'] }, {}, { outcome: 'unknown', work: { done: 1, unknown: 1, reasons: ['POST /orders: hung up'] } }, 'unknown'],
  ['it has failed', { unknown: 1 }, { failed: 1 }, {}, { outcome: 'failed', work: { failed: 1, unknown: 0 }, errors: ['1 of 1 failed while it stopped'] }, 'failed'],
  ['something is in flight beside', { unknown: 1 }, { done: 1 }, { inFlight: () => 2 }, { outcome: 'unknown', work: { done: 1, unknown: 0 }, errors: ['its drain ended while 2 units were still in flight'] }, 'unknown'],
  ['the tally has lost it', { done: 2, unknown: 1 }, { done: 2 }, {}, { outcome: 'unknown', work: { done: 2, unknown: 1 } }, 'unknown'],
])('what was unknown when the step ended is asked again, where nothing has closed unseen: %s', async (_what, atFinish, atEnd, own, step, result) => {
  const { report } = await stopWith(atFinish, () => ({ ...nothing, ...atEnd }), own, counts)
  expect(report).toMatchObject({ result, steps: [step, {}] })
})

test('… and so is what its drain has left in flight', async () => {
  let isAtWork = true
  const own: Partial<Resource> = { inFlight: () => (isAtWork ? 2 : 0) }
  const { report } = await stopWith({ unknown: 1 }, () => ({ ...nothing, done: 1 }), own, { tally: () => ((isAtWork = false), nothing) })
  expect(report).toMatchObject({ result: 'clean', steps: [{ outcome: 'drained', errors: [], waitingFor: [] }, {}], warnings: [expect.stringContaining('The work ended before the stop did')] })
})

// Catches: a clean report, though two calls were refused and nobody can tell what came after.
test('a tally that cannot be read in the end takes nothing back', async () => {
  const { report } = await stopWith({ done: 1, refused: 2 }, () => { throw new Error('no') })
  expect(report.result).toBe('unknown')
  expect(report.steps[0]).toMatchObject({ outcome: 'unknown', work: { done: 1, refused: 2, unknown: 1, reasons: ['tally: no'] } })
})

test('a step that went wrong stays as bad as it was', async () => {
  const gone = (): Tally => ({ ...nothing, unknown: 1 })
  expect((await stopWith({ failed: 1 }, gone)).report.steps[0]).toMatchObject({ outcome: 'failed', work: { failed: 1, unknown: 1 } })
  expect((await stopWith({ cut: 1 }, gone)).report.steps[0]).toMatchObject({ outcome: 'forced', work: { cut: 1, unknown: 1 } })
})

test('a drain that threw is forced where its force had to cut work', async () => {
  let cut = 0
  const { report } = await stopWith({}, () => ({ ...nothing, cut }), { drain: () => Promise.reject(new Error('no')), force: () => void (cut = 2), tally: () => ({ ...nothing, cut }) })
  expect(report).toMatchObject({ result: 'forced', steps: [{ outcome: 'forced', errors: ['no'], work: { cut: 2 } }, {}] })
})

test('a death before the stop and a quiesce that threw are both told', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const quiesce = (): never => { throw new Error('no') }
  lifecycle.add({ name: 'consumer', phase: 'intake', watch: (ended) => ended('poison'), quiesce, drain: () => Promise.reject(new Error('dead')) })
  expect((await lifecycle.stop()).steps).toMatchObject([{ outcome: 'failed', errors: ['quiesce: no', 'it ended by itself before the stop: poison', 'dead'] }])
})

test('a tally that forces the stop has its own step forced, and each step is told once', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const forced: string[] = []
  let isFirst = true
  const tally = (): Tally => {
    if (isFirst) {
      isFirst = false
      lifecycle.force()
    }
    return nothing
  }
  lifecycle.add({ name: 'pool', phase: 'connections', drain() {}, force: () => void forced.push('pool'), tally })
  lifecycle.add({ name: 'traces', phase: 'telemetry', drain() {}, force: () => void forced.push('traces') })
  const report = await lifecycle.stop()
  expect(report.steps.map(({ name, outcome }) => `${name} ${outcome}`).toSorted()).toEqual(['pool forced', 'traces forced'])
  expect(forced).toEqual(['pool', 'traces'])
})
