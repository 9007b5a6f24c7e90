import { describe, expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import type { LifecycleEvent } from '../events.ts'
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Reason } from '../reason.ts'
import { reportLine } from '../report/report-line.ts'
import type { Resource } from '../resource.ts'

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const crash: Reason = { kind: 'fatal', origin: 'uncaughtException', error: new Error('boom') }

function world(): { lifecycle: Lifecycle; clock: FakeClock; events: LifecycleEvent[] } {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 11_000, marginMs: 1_000 } })
  const events: LifecycleEvent[] = []
  lifecycle.subscribe((event) => events.push(event))
  return { lifecycle, clock, events }
}

function quick(own: Partial<Resource> = {}): Resource {
  return { name: 'a', phase: 'work', drain: () => {}, ...own }
}

const hangs = { drain: () => new Promise<void>(() => {}), force: () => {} }
const doubtful = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 1, reasons: [] }
const fails = { drain: () => Promise.reject(new Error('no')) }

describe('the exit code after', () => {
  test.each<[string, Reason, Partial<Resource>, string, number]>([
    ['a clean stop', sigterm, {}, 'clean', 0],
    ['a finished job', sigterm, { unfinished: () => 0 }, 'clean', 0],
    ['a job with work left', sigterm, { unfinished: () => 3 }, 'interrupted', 143],
    ['a job that cannot tell', sigterm, { unfinished: () => { throw new Error('db closed') } }, 'interrupted', 143],
    ['a job that never ends', sigterm, { unfinished: () => Infinity }, 'interrupted', 143],
    ['a job that counts wrong', sigterm, { unfinished: () => NaN }, 'interrupted', 143],
    ['a job with work left, and some that nobody can tell of', sigterm, { unfinished: () => 3, tally: () => doubtful }, 'unknown', 143],
    ['a finished job, and some work that nobody can tell of', sigterm, { unfinished: () => 0, tally: () => doubtful }, 'unknown', 0],
    ['a cut', sigterm, hangs, 'forced', 71],
    ['a cut job', sigterm, { ...hangs, unfinished: () => 3 }, 'forced', 71],
    ['a failure', sigterm, fails, 'failed', 72],
    ['a failed job', sigterm, { ...fails, unfinished: () => 3 }, 'failed', 72],
    ['a crash', crash, {}, 'failed', 1],
    ['a crash of a promise', { kind: 'fatal', origin: 'unhandledRejection', error: undefined }, {}, 'failed', 1],
    ['a start that failed', { kind: 'fatal', origin: 'start', error: new Error('no') }, {}, 'failed', 1],
    ['a crash of an unfinished job', crash, { unfinished: () => 7 }, 'failed', 1],
    ['a crash and a cut', crash, hangs, 'forced', 1],
  ])('%s', async (_what, reason, own, result, exitCode) => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick(own))
    await lifecycle.start()
    const stopped = lifecycle.stop(reason)
    await clock.advance(11_000)
    expect(await stopped).toMatchObject({ result, exitCode })
  })

  test('a job that was never begun', async () => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick({ name: 'db', phase: 'connections', start: () => new Promise(() => {}), force: () => {} }))
    lifecycle.add(quick({ name: 'job', start: () => {}, unfinished: () => 7 }))
    lifecycle.start().catch(() => {})
    await clock.advance(1)
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(11_000)
    expect((await stopped).steps.find((step) => step.name === 'job')).toMatchObject({ outcome: 'skipped', unfinished: 7 })
  })
})

describe('an error that comes while stopping', () => {
  test('is in the report, and makes the stop a failure', async () => {
    const { lifecycle, clock, events } = world()
    lifecycle.add(quick({ drain: () => new Promise((resolve) => void clock.setTimer(resolve, 500)) }))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    void lifecycle.stop(crash)
    await clock.advance(500)
    expect(await stopped).toMatchObject({ reason: sigterm, result: 'failed', exitCode: 72, errors: ['uncaughtException: boom'] })
    expect(events.filter((event) => event.type === 'stop-repeated')).toEqual([{ type: 'stop-repeated', reason: crash }])
  })

  test('changes nothing any more when the report is there', async () => {
    const { lifecycle } = world()
    const report = await lifecycle.stop(sigterm)
    void lifecycle.stop(crash)
    expect(report).toMatchObject({ result: 'clean', errors: [] })
  })

  test('the first 20 are kept', async () => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick(hangs))
    await lifecycle.start()
    const stopped = lifecycle.stop(crash)
    for (let count = 0; count < 1_000; count += 1) void lifecycle.stop(crash)
    await clock.advance(5_000)
    expect((await stopped).errors).toHaveLength(20)
  })
})

describe('a deadline', () => {
  test('that is known before the stop is kept for it', async () => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick(hangs))
    await lifecycle.start()
    lifecycle.shrinkTo(6_000, 'a spot notice')
    lifecycle.shrinkTo(9_000, 'a later one')
    expect(lifecycle.plan().budgetMs).toBe(6_000)
    await clock.advance(2_000)
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(4_000)
    expect(await stopped).toMatchObject({ budgetMs: 4_000, budgetSource: 'a spot notice', result: 'forced' })
  })

  test('that has passed before the stop leaves no time, and everything is still cut and told', async () => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick(hangs))
    await lifecycle.start()
    lifecycle.shrinkTo(0, 'a spot notice')
    await clock.advance(100)
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(1)
    expect(await stopped).toMatchObject({ budgetMs: 0, result: 'forced', steps: [{ name: 'a', outcome: 'forced' }] })
  })

  test('that nothing came of is forgotten a grace period after it has passed', async () => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick({ drain: () => new Promise((resolve) => void clock.setTimer(resolve, 50)) }))
    await lifecycle.start()
    lifecycle.shrinkTo(2_000, 'a spot notice')
    await clock.advance(13_000)
    expect(lifecycle.plan().budgetMs).toBe(0)
    await clock.advance(1)
    expect(lifecycle.plan().budgetMs).toBe(10_000)
    lifecycle.shrinkTo(5_000, 'another')
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(50)
    expect(await stopped).toMatchObject({ result: 'clean', budgetMs: 5_000, budgetSource: 'another' })
  })

  test('that is announced again while the first is still remembered counts by itself', async () => {
    const { lifecycle, clock } = world()
    lifecycle.shrinkTo(20_000, 'the first')
    await clock.advance(25_000)
    lifecycle.shrinkTo(20_000, 'the second')
    expect(lifecycle.plan().budgetMs).toBe(0)
    await clock.advance(12_000)
    expect(lifecycle.plan().budgetMs).toBe(8_000)
    expect(await lifecycle.stop(sigterm)).toMatchObject({ budgetMs: 8_000, budgetSource: 'the second' })
  })

  test('that has to be met by less than the reserves is told, before the stop and after it', async () => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick({ ...hangs, reserveMs: 3_900 }))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    expect(lifecycle.plan().warnings).toEqual([])
    lifecycle.shrinkTo(2_000, 'a spot notice')
    await clock.advance(2_000)
    const report = await stopped
    expect(report.scale).toBe(0.5)
    expect(report.warnings).toEqual([
      'the reserves on the path a add up to 4.0 s, the budget is 2.0 s (a spot notice, less the margin); every reserve was cut to 50 %. Raise terminationGracePeriodSeconds, or lower the reserves.',
    ])
  })

  test('that is moved when the event loop was blocked past it still cuts and tells everything', async () => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick({ ...hangs, reserveMs: 0, forceMs: 0 }))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    clock.block(10_500)
    lifecycle.shrinkTo(0)
    await clock.advance(1)
    expect((await stopped).steps).toMatchObject([{ name: 'a', outcome: 'forced' }])
  })

  test('only ever moves earlier, and the report says who moved it', async () => {
    const { lifecycle, clock, events } = world()
    lifecycle.add(quick(hangs))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    lifecycle.shrinkTo(5_000, 'the Pod')
    lifecycle.shrinkTo(8_000, 'nobody')
    await clock.advance(1_000)
    lifecycle.shrinkTo(3_000, 'a spot notice')
    await clock.advance(3_000)
    expect(await stopped).toMatchObject({ budgetMs: 4_000, budgetSource: 'a spot notice' })
    expect(events.flatMap((event) => (event.type === 'deadline-shrunk' ? [event.leftMs] : []))).toEqual([5_000, 3_000])
  })
})

test('whoever finds out the cause can tell it', async () => {
  const { lifecycle, clock } = world()
  lifecycle.add(quick(hangs))
  await lifecycle.start()
  const stopped = lifecycle.stop(sigterm)
  lifecycle.attribute({ kind: 'eviction', detail: 'EvictionByEvictionAPI' })
  await clock.advance(10_000)
  expect((await stopped).cause).toEqual({ kind: 'eviction', detail: 'EvictionByEvictionAPI' })
})

test('a warning is told once, and is in the report', async () => {
  const { lifecycle, events } = world()
  lifecycle.add(quick({ warnings: ['set a timeout'] }))
  lifecycle.warn('npm loses the signal')
  lifecycle.warn('npm loses the signal')
  await lifecycle.start()
  expect(events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))).toEqual(['npm loses the signal', 'a: set a timeout'])
  expect((await lifecycle.stop(sigterm)).warnings).toEqual(['a: set a timeout', 'npm loses the signal'])
})

describe('an odd value', () => {
  test.each<[string, Partial<Resource>, RegExp | string]>([
    ['among the things waited for', { waitingFor: () => ['GET /', 1n, Object.create(null)] as never }, ''],
    ['instead of a list of them', { waitingFor: () => 'GET /' as never }, /waitingFor: TypeError: must return an array/],
  ])('%s does not cost the report', async (_what, own, error) => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick({ ...hangs, ...own }))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(10_000)
    const report = await stopped
    expect(reportLine(report)).toContain('"outcome":"forced"')
    if (error === '') expect(report.steps[0]?.waitingFor).toEqual(['GET /', '1', 'a value that cannot be shown'])
    else expect(report.steps[0]?.errors[0]).toMatch(error)
  })

  test.each<[string, (lifecycle: Lifecycle) => unknown, string]>([
    ['a signal’s name as the reason', (lifecycle) => lifecycle.stop('SIGTERM' as never), '"SIGTERM" (string)'],
    ['null as the reason', (lifecycle) => lifecycle.stop(null as never), 'null (null)'],
    ['a signal that will come', (lifecycle) => lifecycle.stop({ ...sigterm, agoMs: -1 }), 'agoMs of a reason must be a number'],
    ['a signal that came at no time', (lifecycle) => lifecycle.stop({ ...sigterm, agoMs: NaN }), 'agoMs of a reason must be a number'],
    ['a reason whose detail is no text', (lifecycle) => lifecycle.stop({ kind: 'programmatic', detail: {} as never }), 'stop() takes nothing'],
    ['a reason of no kind', (lifecycle) => lifecycle.stop({ kind: 'pre-stop' } as never), '{ kind } (object)'],
    ['a cause of no kind', (lifecycle) => (void lifecycle.stop(), lifecycle.attribute({ kind: 'x', detail: '' } as never)), 'deletion, eviction'],
    ['no listener', (lifecycle) => lifecycle.subscribe(undefined as never), 'undefined (undefined)'],
    ['a handle instead of a list', (lifecycle) => lifecycle.add(quick(), { needs: lifecycle.add(quick({ name: 'b' })) } as never), 'needs must be an array'],
    ['an option that add has not got', (lifecycle) => lifecycle.add(quick(), { need: [] } as never), 'add(): the option need is not known; did you mean needs?'],
    ['no options', (lifecycle) => lifecycle.add(quick(), null as never), 'null (null)'],
    ['a warning that is no list', (lifecycle) => lifecycle.add(quick({ warnings: 'late' as never })), 'warnings must be an array of texts; it is "late" (string)'],
  ])('%s is refused at once', (_what, action, message) => {
    expect(() => action(world().lifecycle)).toThrow(message)
  })
})
