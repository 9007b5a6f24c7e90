import { expect, test } from 'vitest'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import { renderReport } from './render-report.ts'
import type { Report } from './report.ts'
import type { Resource } from '../resource.ts'

async function sample(): Promise<Report> {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 11_000, marginMs: 1_000, lameDuck: { minMs: 2_000, quietMs: 0, maxMs: 2_000 } } })
  const takes = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms))
  const add = (resource: Resource): unknown => lifecycle.add(resource)
  add({ name: 'http', phase: 'intake', drainFrom: 'lame-duck-end', lastArrival: () => 0, drain: () => takes(1_000) })
  add({ name: 'consumer', phase: 'intake', drain: () => takes(500) })
  add({ name: 'pool', phase: 'connections', timeoutMs: 2_000, drain: () => new Promise(() => {}), inFlight: () => 2 })
  await lifecycle.start()
  const stopped = lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
  await clock.advance(10_000)
  return stopped
}

test('draws each step as a bar against the deadline, within the width', async () => {
  const text = renderReport(await sample(), { width: 80, title: 'orders-1' })
  expect(text.split('\n').every((line) => line.length <= 80)).toBe(true)
  expect(text).toMatchInlineSnapshot(`
    "orders-1  SIGTERM → forced, exit code 71, 5.1 s of 10.0 s
    lame duck │█████████                                  │ drained 2.0 s
    consumer  │███                              ┊         │ drained 500 ms
    http      │        █████                    ┊         │ drained 1.0 s
    pool      │            ▓▓▓▓▓▓▓▓▓▓                     │ forced 2.1 s, 2 cut
              0                            deadline 10.0 s"
  `)
})

test('tells what no bar can show', async () => {
  const report = await sample()
  const [first, ...rest] = report.steps
  const text = renderReport({
    ...report,
    cause: { kind: 'eviction', detail: 'EvictionByEvictionAPI' },
    steps: [{ ...first!, unfinished: 3, errors: ['quiesce: no'] }, ...rest],
    errors: ['uncaughtException: boom'],
    warnings: ['pool: set a timeout'],
  })
  expect(text).toContain(', 3 left\n')
  expect(text.split('\n').slice(-4)).toEqual(['cause: eviction, EvictionByEvictionAPI', `error: ${first?.name}: quiesce: no`, 'error: uncaughtException: boom', 'warning: pool: set a timeout'])
})

test('draws what nobody can tell of and what failed in its own way, with how many', async () => {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 11_000, marginMs: 1_000 } })
  const drain = (): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, 2_000))
  const nothing = { done: 1, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }
  lifecycle.add({ name: 'mail', phase: 'work', drain, tally: () => ({ ...nothing, failed: 3, reasons: ['SMTP: timeout (×3)'] }) })
  lifecycle.add({ name: 'orders', phase: 'producers', drain, tally: () => ({ ...nothing, unknown: 2, refused: 7 }) })
  lifecycle.add({ name: 'pool', phase: 'connections', drain, tally: () => ({ ...nothing, cut: 1 }) })
  const stopped = lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
  await clock.advance(10_000)
  const text = renderReport(await stopped, { width: 80 })
  expect(text).toMatchInlineSnapshot(`
    "SIGTERM → forced, exit code 71, 6.0 s of 10.0 s
    mail   │▒▒▒▒▒▒▒▒▒▒                ┊                   │ failed 2.0 s, 3 failed
    orders │         ░░░░░░░░░░                ┊          │ unknown 2.0 s
    pool   │                  ▓▓▓▓▓▓▓▓▓▓                 ┊│ forced 2.0 s, 1 cut
           0                               deadline 10.0 s
    error: mail: 3 of 4 failed while it stopped (SMTP: timeout (×3))
    doubt: orders: it is not known whether 2 pieces of work were finished
    doubt: orders was used 7 times after its close; all were refused"
  `)
  expect(renderReport(await stopped, { color: true }).split('\u001B[33m')).toHaveLength(3)
})

test('colours only when asked', async () => {
  const report = await sample()
  expect(renderReport(report)).not.toContain('\u001B')
  expect(renderReport(report, { color: true })).toContain('\u001B[32m')
})
