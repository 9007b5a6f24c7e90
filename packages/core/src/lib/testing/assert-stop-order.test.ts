import { expect, test } from 'vitest'
import { assertClean, assertStopOrder } from './assert-stop-order.ts'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { createFakeClock } from './fake-clock.ts'
import type { Report } from '../report/report.ts'
import { scriptedResource } from './scripted-resource.ts'

async function report(poolTakesMs: number): Promise<Report> {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 5_000 } })
  lifecycle.add(scriptedResource({ clock, name: 'consumer', phase: 'intake', drainTakesMs: 300 }))
  lifecycle.add(scriptedResource({ clock, name: 'lease', phase: 'work', drainFrom: 'signal', drainTakesMs: 100 }))
  lifecycle.add(scriptedResource({ clock, name: 'pool', drainTakesMs: poolTakesMs }))
  const stopped = lifecycle.stop()
  await clock.advance(5_000)
  return stopped
}

test('the order of what stopped one after the other, and no other', async () => {
  const stop = await report(50)
  assertStopOrder(stop, [['consumer', 'lease'], ['pool']])
  assertStopOrder(stop, [['consumer'], ['pool']])
  expect(() => assertStopOrder(stop, [['pool'], ['consumer']])).toThrow('"consumer" began at 0 ms, before "pool" was over at 350 ms')
  // Not only neighbours.
  expect(() => assertStopOrder(stop, [['consumer'], [], ['lease']])).toThrow('"lease" began at 0 ms, before "consumer" was over')
  expect(() => assertStopOrder(stop, [['http']])).toThrow('there is no step "http"')
})

test('a stop is clean, or the message shows what was not', async () => {
  assertClean(await report(50))
  const stop = await report(Infinity)
  expect(() => assertClean(stop)).toThrow('"pool" was forced')
  expect(() => assertClean(stop)).toThrow(/pool +│ .*▓/)
  expect(() => assertClean({ ...stop, steps: [], result: 'failed' })).toThrow('the result is "failed"')
  const late = stop.steps.map((step) => ({ ...step, outcome: 'drained' as const, late: step.name === 'lease' }))
  expect(() => assertClean({ ...stop, steps: late, result: 'clean' })).toThrow('"lease" was drained, late')
})
