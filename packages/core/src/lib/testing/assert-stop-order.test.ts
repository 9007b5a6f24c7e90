import { describe, expect, test } from 'vitest'
import { assertClean, assertStopOrder } from './assert-stop-order.ts'
import { createLifecycle } from '../engine/create-lifecycle.ts'
import { createFakeClock, type FakeClock } from './fake-clock.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Report } from '../report/report.ts'
import { scriptedResource, type ScriptedOptions } from './scripted-resource.ts'

interface World {
  readonly clock: FakeClock
  readonly lifecycle: Lifecycle
  readonly scripted: (name: string, own?: Partial<ScriptedOptions>) => ReturnType<typeof scriptedResource>
}

function world(): World {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 20_000, lameDuck: { minMs: 200, quietMs: 0 } } })
  return { clock, lifecycle, scripted: (name, own) => scriptedResource({ clock, name, ...own }) }
}

async function report(poolTakesMs: number): Promise<Report> {
  const { clock, lifecycle, scripted } = world()
  lifecycle.add(scripted('consumer', { phase: 'intake', drainTakesMs: 300 }))
  lifecycle.add(scripted('lease', { phase: 'work', drainFrom: 'signal', drainTakesMs: 100 }))
  lifecycle.add(scripted('pool', { drainTakesMs: poolTakesMs }))
  const stopped = lifecycle.stop()
  await clock.advance(20_000)
  return stopped
}

/** Everything takes no time but the lame duck of a service that is ready; the lease and the mails wait for nothing. */
async function reportOfNoTime(isReady: boolean): Promise<Report> {
  const { clock, lifecycle, scripted } = world()
  lifecycle.add(scripted('lease', { phase: 'producers', drainFrom: 'signal' }))
  lifecycle.add(scripted('mails', { phase: 'work', drainFrom: 'signal' }))
  lifecycle.add(scripted('consumer', { phase: 'intake' }))
  lifecycle.add(scripted('http', { phase: 'intake', drainFrom: 'lame-duck-end', lastArrival: () => 0 }))
  const pool = lifecycle.add(scripted('pool'))
  lifecycle.add(scripted('repository'), { needs: [pool] })
  lifecycle.add(scripted('cache'))
  lifecycle.add(scripted('traces', { phase: 'telemetry' }))
  if (isReady) await lifecycle.start()
  const stopped = lifecycle.stop()
  await clock.advance(20_000)
  return stopped
}

describe('the order', () => {
  test('of what stopped one after the other, and no other', async () => {
    const stop = await report(50)
    assertStopOrder(stop, [['consumer', 'lease'], ['pool']])
    assertStopOrder(stop, [['consumer'], ['pool']])
    expect(() => assertStopOrder(stop, [['pool'], ['consumer']])).toThrow('"consumer" began at 0 ms, before "pool" was over at 350 ms')
    // Not only neighbours.
    expect(() => assertStopOrder(stop, [['consumer'], [], ['lease']])).toThrow('"lease" began at 0 ms, before "consumer" was over')
    expect(() => assertStopOrder(stop, [['http']])).toThrow('there is no step "http"')
  })

  test.each<[string, string[][]]>([
    ['what follows the lame duck', [['lame duck'], ['http']]],
    ['phases', [['consumer', 'http'], ['pool', 'cache'], ['traces']]],
    ['a phase, over a phase of critical steps alone', [['http'], ['cache']]],
    ['a critical step that a later phase waits for', [['lease'], ['pool']]],
    ['… and the phases after that', [['mails'], ['pool'], ['traces']]],
    ['needs', [['repository'], ['pool']]],
    ['what waits for another only over others', [['lame duck'], ['repository'], ['traces']]],
  ])('without time, of %s', async (_what, groups) => {
    const stop = await reportOfNoTime(groups[0]?.[0] === 'lame duck')
    assertStopOrder(stop, groups)
    expect(() => assertStopOrder(stop, groups.toReversed())).toThrow(/^"[\w ]+" began at \d+ ms, (before|when) "/)
  })

  test.each([
    ['side by side in a phase', 'pool', 'cache'],
    ['side by side from the signal on', 'lease', 'mails'],
    ['beside a phase', 'lease', 'consumer'],
    ['with itself', 'pool', 'pool'],
  ])('without time, there is none of what ran %s', async (_what, one, other) => {
    const stop = await reportOfNoTime(false)
    for (const pair of [[one, other], [other, one]] as const) {
      expect(() => assertStopOrder(stop, pair.map((name) => [name]))).toThrow(`when "${pair[0]}" was just over, but does not wait for it`)
    }
  })

  test.each<[string, (lifecycle: Lifecycle) => void, number]>([
    ['force()', (lifecycle) => lifecycle.force(), 300],
    ['the deadline', (lifecycle) => lifecycle.shrinkTo(0), 300],
  ])('there is none of what %s cuts together', async (_what, cut, atMs) => {
    const { clock, lifecycle, scripted } = world()
    lifecycle.add(scripted('consumer', { phase: 'intake', drainTakesMs: Infinity }))
    lifecycle.add(scripted('http', { phase: 'intake', drainFrom: 'lame-duck-end' }))
    lifecycle.add(scripted('pool'))
    await lifecycle.start()
    const stopped = lifecycle.stop()
    await clock.advance(atMs)
    cut(lifecycle)
    await clock.advance(20_000)
    const stop = await stopped
    expect(stop.tookMs).toBe(atMs)
    // The lame duck was over before anything of that.
    assertStopOrder(stop, [['lame duck'], ['pool']])
    expect(() => assertStopOrder(stop, [['consumer'], ['pool']])).toThrow(`"pool" began at ${atMs} ms, only to be cut at once`)
  })

  test('is that of a step that is cut and the one that follows it', async () => {
    const { clock, lifecycle, scripted } = world()
    lifecycle.add(scripted('worker', { phase: 'work', drainTakesMs: Infinity }))
    lifecycle.add(scripted('pool', { drainTakesMs: Infinity }))
    lifecycle.add(scripted('traces', { phase: 'telemetry', drainTakesMs: 10 }))
    const stopped = lifecycle.stop()
    await clock.advance(20_000)
    const stop = await stopped
    expect(stop.steps.map((step) => step.outcome)).toEqual(['forced', 'forced', 'idle'])
    assertStopOrder(stop, [['worker'], ['pool'], ['traces']])
  })
})

describe('a stop is clean,', () => {
  test('or the message shows what was not', async () => {
    assertClean(await report(50))
    assertClean(await reportOfNoTime(true))
    const stop = await report(Infinity)
    expect(() => assertClean(stop)).toThrow('"pool" was forced')
    expect(() => assertClean(stop)).toThrow(/pool +│ .*▓/)
    expect(() => assertClean({ ...stop, steps: [], result: 'failed' })).toThrow('the result is "failed"')
    const late = stop.steps.map((step) => ({ ...step, outcome: 'drained' as const, late: step.name === 'lease' }))
    expect(() => assertClean({ ...stop, steps: late, result: 'clean' })).toThrow('"lease" was drained, late')
  })

  test('but not with a step whose count threw', async () => {
    const { lifecycle, scripted } = world()
    lifecycle.add({ ...scripted('pool'), inFlight: () => { throw new Error('no') } })
    const stop = await lifecycle.stop()
    expect(stop.result).toBe('clean')
    expect(() => assertClean(stop)).toThrow('"pool" was drained, inFlight: no')
  })

  test('nor with work of which nobody can tell, or that came after the close', async () => {
    const counts = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: ['a listener returned nothing'] }
    for (const own of [{ unknown: 1 }, { refused: 1 }]) {
      const { lifecycle, scripted } = world()
      lifecycle.add({ ...scripted('pool'), tally: () => ({ ...counts, ...own }) })
      const stop = await lifecycle.stop()
      expect(stop.result).toBe('unknown')
      expect(() => assertClean(stop)).toThrow(/^"pool" was (idle|unknown), a listener returned nothing\n/)
    }
  })

  test.each([
    ['throws', () => { throw new Error('no') }, 'tally: no'],
    ['tells nonsense', () => ({ done: -1 }), 'tally: done must be a number of units; it is -1 (number)'],
  ])('nor with a tally that %s: nobody can tell then', async (_what, tally, why) => {
    const { lifecycle, scripted } = world()
    lifecycle.add({ ...scripted('pool'), tally: tally as never })
    const stop = await lifecycle.stop()
    expect(stop).toMatchObject({ result: 'unknown', steps: [{ outcome: 'unknown', work: { unknown: 1, reasons: [why] } }] })
  })

  test('nor when the start failed', async () => {
    const { lifecycle, scripted } = world()
    lifecycle.add(scripted('http', { during: { start: () => { throw new Error('port in use') } } }))
    await expect(lifecycle.start()).rejects.toThrow('port in use')
    const stop = await lifecycle.stop()
    expect(stop.result).toBe('failed')
    expect(() => assertClean(stop)).toThrow('it began with a failed start: http could not start: port in use; "http" was skipped')
    expect(() => assertClean(stop, { skipped: ['http'] })).toThrow('it began with a failed start')
  })

  test('nor when an uncaught error began it, or came meanwhile', async () => {
    const crash = { kind: 'fatal', origin: 'uncaughtException', error: new Error('boom') } as const
    const first = world().lifecycle
    const crashed = await first.stop(crash)
    expect(() => assertClean(crashed)).toThrow('it began with uncaughtException: boom')
    const { lifecycle, scripted } = world()
    lifecycle.add(scripted('pool'))
    const stopped = lifecycle.stop()
    void lifecycle.stop(crash)
    const stop = await stopped
    expect(() => assertClean(stop)).toThrow(/^uncaughtException: boom\n/)
  })

  test('with what had not started skipped, where that is said', async () => {
    const { clock, lifecycle, scripted } = world()
    lifecycle.add(scripted('pool', { startTakesMs: 10 }))
    lifecycle.add(scripted('http', { phase: 'intake', startTakesMs: 10 }))
    lifecycle.start().catch(() => {})
    await clock.advance(15)
    const stop = await lifecycle.stop()
    expect(stop).toMatchObject({ result: 'clean', exitCode: 0 })
    assertClean(stop, { skipped: ['http'] })
    expect(() => assertClean(stop)).toThrow('"http" was skipped')
    expect(() => assertClean(stop, { skipped: ['http', 'pool'] })).toThrow(/"pool" was \w+, not skipped/)
    expect(() => assertClean(stop, { skipped: ['htttp'] })).toThrow('there is no step "htttp"')
  })
})
