import { describe, expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { PolicyOptions } from '../policy.ts'
import type { Resource } from '../resource.ts'

// Whatever resources, listeners and callers do, the stop ends by its deadline and says what happened.

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const unprintable: unknown = Object.create(null)

function world(policy: PolicyOptions = {}): { clock: FakeClock; lifecycle: Lifecycle } {
  const clock = createFakeClock()
  return { clock, lifecycle: createLifecycle({ clock, env: {}, policy: { graceMs: 11_000, marginMs: 1_000, ...policy } }) }
}

function quick(name: string, own: Partial<Resource> = {}): Resource {
  return { name, phase: 'connections', drain: () => {}, ...own }
}

function throws(): never {
  throw unprintable
}

describe('a start', () => {
  test('that fails beside one that hangs is stopped within the deadline, and reported as failed', async () => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick('hangs', { start: () => new Promise(() => {}), force: () => {} }))
    lifecycle.add(quick('bad', { start: () => Promise.reject(new Error('port in use')) }))
    const started = lifecycle.start()
    started.catch(() => {})
    await clock.advance(10_000)
    await expect(started).rejects.toMatchObject({ code: 'start-failed', resource: 'bad' })
    expect((await lifecycle.stop()).reason).toMatchObject({ kind: 'fatal', origin: 'start' })
    expect(clock.armed).toBe(0)
  })

  test('that ignores the abort does not keep start() from settling', async () => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick('hangs', { start: () => new Promise(() => {}), force: () => {} }))
    const started = lifecycle.start()
    started.catch(() => {})
    await clock.advance(1)
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(10_000)
    await expect(started).rejects.toMatchObject({ code: 'start-failed' })
    expect((await stopped).steps).toMatchObject([{ name: 'hangs', outcome: 'forced' }])
  })
})

describe('an end is reached and reported when', () => {
  test.each<[string, () => number]>([
    ['throws', throws],
    ['returns no number', () => NaN],
  ])('lastArrival %s', async (_what, lastArrival) => {
    const { lifecycle, clock } = world({ lameDuck: { minMs: 100, quietMs: 100, maxMs: 500 } })
    lifecycle.add(quick('http', { phase: 'intake', drainFrom: 'lame-duck-end', lastArrival }))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(10_000)
    const report = await stopped
    expect(report).toMatchObject({ tookMs: 500, result: 'clean' })
    expect(report.steps[0]?.errors[0]).toContain('http: lastArrival')
  })

  test.each<[string, Partial<Resource>, string]>([
    ['quiesce throws', { quiesce: throws }, 'failed'],
    ['quiesce rejects', { quiesce: (async () => throws()) as () => void }, 'failed'],
    ['inFlight throws', { inFlight: throws }, 'drained'],
    ['inFlight is async', { inFlight: (async () => throws()) as never }, 'drained'],
    ['inFlight is a BigInt', { inFlight: (() => 1n) as never }, 'drained'],
    ['drain throws', { drain: throws }, 'failed'],
    ['drain and force throw', { drain: throws, force: throws }, 'failed'],
    ['waitingFor throws', { drain: throws, waitingFor: throws }, 'failed'],
  ])('%s', async (_what, own, outcome) => {
    const unhandled: unknown[] = []
    const onUnhandled = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', onUnhandled)
    const { lifecycle, clock } = world()
    lifecycle.add(quick('odd', own))
    lifecycle.add(quick('last', { phase: 'telemetry' }))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(1)
    const report = await stopped
    process.off('unhandledRejection', onUnhandled)
    expect(report.steps).toMatchObject([{ name: 'odd', outcome }, { name: 'last', outcome: 'drained' }])
    expect(report.steps[0]?.errors.length).toBeGreaterThan(0)
    expect(unhandled).toEqual([])
  })

  test('listeners throw and reject', async () => {
    const { lifecycle } = world()
    lifecycle.subscribe(throws)
    lifecycle.subscribe((async () => throws()) as () => void)
    lifecycle.add(quick('a'))
    await lifecycle.start()
    expect((await lifecycle.stop(sigterm)).result).toBe('clean')
  })
})

describe('in the middle of the first tick', () => {
  const moments: [string, (act: () => void, lifecycle: Lifecycle) => Resource][] = [
    ['a listener of stop-begun', (act, lifecycle) => (lifecycle.subscribe((event) => void (event.type === 'stop-begun' && act())), quick('hangs', { drain: () => new Promise(() => {}), force: () => {} }))],
    ['a listener of step-started', (act, lifecycle) => (lifecycle.subscribe((event) => void (event.type === 'step-started' && act())), quick('hangs', { drain: () => new Promise(() => {}), force: () => {} }))],
    ['a quiesce', (act) => quick('hangs', { quiesce: act, drain: () => new Promise(() => {}), force: () => {} })],
    ['a drain', (act) => quick('hangs', { drain: () => (act(), new Promise(() => {})), force: () => {} })],
  ]

  test.each(moments)('%s may force()', async (_who, resource) => {
    const { lifecycle, clock } = world()
    lifecycle.add(resource(() => lifecycle.force(), lifecycle))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(1)
    expect(await stopped).toMatchObject({ tookMs: 0, result: 'forced' })
  })

  test.each(moments)('%s may shrinkTo()', async (_who, resource) => {
    const { lifecycle, clock } = world()
    lifecycle.add(resource(() => lifecycle.shrinkTo(400), lifecycle))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(400)
    const report = await stopped
    expect(report.budgetMs).toBe(400)
    expect(report.tookMs).toBeLessThanOrEqual(400)
  })
})

test('what another resource needs cannot be removed', () => {
  const { lifecycle } = world()
  const pool = lifecycle.add(quick('pool'))
  const repository = lifecycle.add(quick('repository'), { needs: [pool] })
  expect(() => pool.remove()).toThrow('"pool" cannot be removed: "repository" needs it')
  repository.remove()
  pool.remove()
  expect(lifecycle.plan().steps).toEqual([])
})

test('preStop is counted only for the platform’s own signal', async () => {
  const budgetOf = async (reason: Parameters<Lifecycle['stop']>[0]): Promise<number> => (await world({ preStopMs: 4_000 }).lifecycle.stop(reason)).budgetMs
  expect(await budgetOf(sigterm)).toBe(6_000)
  expect(await budgetOf({ kind: 'programmatic' })).toBe(10_000)
  expect(await budgetOf({ kind: 'signal', signal: 'SIGINT', interactive: true })).toBe(10_000)
})

test('10,000 resources in a chain are planned and stopped, each of them', async () => {
  const { lifecycle } = world()
  let previous = lifecycle.add(quick('r0'))
  for (let index = 1; index < 10_000; index += 1) previous = lifecycle.add(quick(`r${index}`), { needs: [previous] })
  expect(lifecycle.plan().steps).toHaveLength(10_000)
  expect((await lifecycle.stop(sigterm)).steps).toHaveLength(10_000)
})

test('a stop of thousands of resources lets others have their turns of the loop, and cuts all of them at once', async () => {
  const { lifecycle } = world()
  for (let index = 0; index < 2_000; index += 1) lifecycle.add(quick(`r${index}`, { drain: () => new Promise(() => {}), force: () => {} }))
  let begun = 0
  lifecycle.subscribe(({ type }) => void (type === 'step-started' && (begun += 1)))
  const stopped = lifecycle.stop(sigterm)
  const perTurn: number[] = []
  while (begun < 2_000 && perTurn.length < 2_000) {
    perTurn.push(begun)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(perTurn).toEqual([500, 1_000, 1_500])
  lifecycle.force()
  expect((await stopped).steps.filter(({ outcome }) => outcome === 'forced')).toHaveLength(2_000)

  const other = world()
  for (let index = 0; index < 2_000; index += 1) other.lifecycle.add(quick(`r${index}`, { drain: () => new Promise(() => {}), force: () => {} }))
  const cut = other.lifecycle.stop(sigterm)
  other.lifecycle.force()
  expect((await cut).steps.filter(({ outcome }) => outcome === 'forced')).toHaveLength(2_000)
})

// Catches: a flush in an async `quiesce`, which nobody waited for, in a step that was called drained.
test('a step waits for what its quiesce returned, and fails with it', async () => {
  const { lifecycle } = world()
  const rows: string[] = []
  const later = async (row: string): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    rows.push(row)
    if (row === 'bad') throw new Error('no such table')
  }
  lifecycle.add(quick('good', { phase: 'work', quiesce: (() => later('good')) as () => void }))
  lifecycle.add(quick('bad', { phase: 'work', quiesce: (() => later('bad')) as () => void }))
  lifecycle.add(quick('db', { drain: () => void rows.push('db closed') }))
  const { steps } = await lifecycle.stop(sigterm)
  expect(rows).toEqual(['good', 'bad', 'db closed'])
  expect(steps).toMatchObject([{ name: 'good', outcome: 'drained' }, { name: 'bad', outcome: 'failed', errors: ['quiesce: no such table'] }, { name: 'db' }])
})

test('a quiesce that never settles is cut with its step', async () => {
  const { lifecycle, clock } = world()
  lifecycle.add(quick('hangs', { quiesce: (() => new Promise(() => {})) as () => void, force: () => {} }))
  const stopped = lifecycle.stop(sigterm)
  await clock.advance(10_000)
  expect((await stopped).steps).toMatchObject([{ name: 'hangs', outcome: 'forced' }])
})
