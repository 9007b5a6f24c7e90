import { expect, test } from 'vitest'
import { closedError, cutError, LifecycleError } from '../errors.ts'
import type { LifecycleEvent } from '../events.ts'
import type { Report } from '../report/report.ts'
import type { Resource } from '../resource.ts'
import type { Tally } from '../work/tally.ts'
import { createLifecycle } from './create-lifecycle.ts'

const nothing: Tally = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

/** Stops a pool, and nobody handles these errors meanwhile. */
async function stopWith(errors: readonly unknown[], own: Partial<Resource> = {}): Promise<{ report: Report; events: readonly LifecycleEvent[] }> {
  const lifecycle = createLifecycle({ env: {} })
  const events: LifecycleEvent[] = []
  lifecycle.add({ name: 'pool', phase: 'connections', drain() {}, ...own })
  lifecycle.subscribe((event) => events.push(event))
  const stopped = lifecycle.stop()
  for (const error of errors) void lifecycle.stop({ kind: 'fatal', origin: 'unhandledRejection', error })
  return { report: await stopped, events }
}

test('calls that were refused are counted for who counts nothing, however they are wrapped, each once', async () => {
  const once = closedError('pool', 'SELECT')
  const { report, events } = await stopWith([once, once, new Error('the query failed', { cause: once }), closedError('pool', 'SELECT'), new LifecycleError('closed', 'by hand', { resource: 'pool' })])
  expect(report).toMatchObject({ result: 'unknown', exitCode: 0, errors: [], warnings: [], steps: [{ outcome: 'drained', work: { ...nothing, refused: 3, reasons: ['SELECT: refused (×2)', expect.stringContaining('by hand')] } }] })
  expect(events.filter(({ type }) => type === 'stop-repeated')).toEqual([])
})

test('a call that was cut has its step forced', async () => {
  const { report } = await stopWith([cutError('pool', 'SELECT'), cutError('pool', 'SELECT')])
  expect(report).toMatchObject({ result: 'forced', errors: [], steps: [{ outcome: 'forced', work: { ...nothing, cut: 2 } }] })
})

// Catches: what failed for want of an answer, and rejects with `cut`, counted as both.
test('who counts for itself is believed, whatever the errors of its calls are called', async () => {
  const errors = [closedError('pool', 'SELECT'), cutError('pool', 'SELECT')]
  const own = { refused: 14, reasons: ['SELECT: refused (×14)'] }
  expect((await stopWith(errors, { tally: () => ({ ...nothing, ...own }) })).report.steps).toMatchObject([{ work: own }])
  expect((await stopWith(errors, { tally: () => ({ ...nothing, failed: 1 }) })).report).toMatchObject({ result: 'failed', errors: [], steps: [{ outcome: 'failed', work: { failed: 1, cut: 0, refused: 0 } }] })
  expect((await stopWith(errors, { tally: () => ({ ...nothing, done: 3 }) })).report).toMatchObject({ result: 'clean', steps: [{ outcome: 'drained', work: { done: 3, refused: 0 } }] })
})

test('what is used and has no step makes the result unknown, with one warning for each', async () => {
  const { report, events } = await stopWith([closedError('socket', 'send'), closedError('socket', 'send'), cutError('queue', 'push'), new LifecycleError('closed', 'by hand')])
  const warnings = [
    '"socket" was used after its close (send), and no step of this stop has that name: nobody counts what is lost. Add it to the lifecycle.',
    '"queue" was cut under a call (push), and no step of this stop has that name: nobody counts what is lost. Add it to the lifecycle.',
    'A call came after a close, and nobody knows of which resource: by hand',
  ]
  expect(report).toMatchObject({ result: 'unknown', errors: [], warnings, steps: [{ outcome: 'drained', work: undefined }] })
  expect(events.filter(({ type }) => type === 'warning')).toEqual(warnings.map((message) => ({ type: 'warning', message })))
})

test('any other error fails the stop', async () => {
  const { report } = await stopWith([new LifecycleError('added-too-late', 'no'), new Error('no')])
  expect(report).toMatchObject({ result: 'failed', errors: ['unhandledRejection: no', 'unhandledRejection: no'] })
})

// Catches: a call that was refused, of a resource whose step has no work since it had not started.
test('what a resource that never started has refused is counted', async () => {
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add({ name: 'db', phase: 'connections', start: () => new Promise(() => {}), drain() {}, force() {} })
  lifecycle.add({ name: 'queue', phase: 'intake', start() {}, drain() {}, tally: () => nothing })
  lifecycle.start().catch(() => {})
  const stopped = lifecycle.stop()
  void lifecycle.stop({ kind: 'fatal', origin: 'unhandledRejection', error: closedError('queue', 'push') })
  lifecycle.force()
  const report = await stopped
  expect(report.steps.find(({ name }) => name === 'queue')).toMatchObject({ outcome: 'skipped', work: { refused: 1, reasons: ['push: refused'] } })
})
