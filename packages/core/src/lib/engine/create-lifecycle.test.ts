import { describe, expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import { LifecycleError, type LifecycleErrorCode } from '../errors.ts'
import type { LifecycleEvent } from '../events.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { PolicyOptions } from '../policy.ts'
import type { Resource } from '../resource.ts'

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const

function quick(name: string, own: Partial<Resource> = {}): Resource {
  return { name, phase: 'connections', drain: () => {}, ...own }
}

function world(policy: PolicyOptions = {}): { clock: ReturnType<typeof createFakeClock>; lifecycle: Lifecycle; events: LifecycleEvent[] } {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy })
  const events: LifecycleEvent[] = []
  lifecycle.subscribe((event) => events.push(event))
  return { clock, lifecycle, events }
}

function codeOf(action: () => unknown): LifecycleErrorCode | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof LifecycleError) return error.code
    throw error
  }
  return undefined
}

describe('the tick of the signal', () => {
  test('flips readiness, aborts `stopping` and quiesces everything before stop() returns', async () => {
    const { lifecycle } = world()
    const order: string[] = []
    lifecycle.add(quick('a', { quiesce: () => order.push(`a ready=${lifecycle.isReady}`) }))
    lifecycle.add(quick('b', { quiesce: () => order.push('b') }))
    await lifecycle.start()
    expect(lifecycle.isReady).toBe(true)
    const stopped = lifecycle.stop(sigterm)
    expect(order).toEqual(['a ready=false', 'b'])
    expect(lifecycle.isReady).toBe(false)
    expect(lifecycle.stopping.aborted).toBe(true)
    await stopped
  })

  test.each<[string, Partial<Resource>, boolean]>([
    ['without a lame duck, tells streams to leave', {}, true],
    ['with one, lets them stay', { drainFrom: 'lame-duck-end' }, false],
  ])('%s', async (_what, own, aborted) => {
    const { lifecycle } = world({ lameDuck: { minMs: 1_000 } })
    lifecycle.add(quick('a', own))
    await lifecycle.start()
    void lifecycle.stop(sigterm)
    expect(lifecycle.draining.aborted).toBe(aborted)
  })

  test('tells every quiesce why, and when the process will be gone', async () => {
    const clock = createFakeClock(700)
    const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 10_000, marginMs: 1_000 } })
    const told: unknown[] = []
    lifecycle.add(quick('a', { quiesce: (context) => void told.push(context) }))
    await lifecycle.start()
    await clock.advance(300)
    await lifecycle.stop(sigterm)
    expect(told).toEqual([{ reason: sigterm, deadline: 10_000 }])
  })

  test('a quiesce that throws is in the report, and the others still run', async () => {
    const { lifecycle } = world()
    let second = false
    lifecycle.add(quick('bad', { quiesce: () => { throw new Error('no') } }))
    lifecycle.add(quick('good', { quiesce: () => { second = true } }))
    await lifecycle.start()
    const report = await lifecycle.stop(sigterm)
    expect(second).toBe(true)
    expect(report.result).toBe('failed')
    expect(report.steps.find((step) => step.name === 'bad')?.errors).toEqual(['quiesce: no'])
  })

  test('a stop from inside a listener or a quiesce is the same stop', async () => {
    const { lifecycle, events } = world()
    lifecycle.subscribe((event) => { if (event.type === 'stop-begun') void lifecycle.stop(sigterm) })
    lifecycle.add(quick('a', { quiesce: () => void lifecycle.stop(sigterm) }))
    await lifecycle.start()
    const [one, two] = await Promise.all([lifecycle.stop(sigterm), lifecycle.stop(sigterm)])
    expect(one).toBe(two)
    expect(events.filter((event) => event.type === 'stop-begun')).toHaveLength(1)
    expect(events.filter((event) => event.type === 'stop-repeated')).toHaveLength(3)
  })
})

describe('the budget', () => {
  test('a hung first step cannot take what is reserved for the others', async () => {
    const { lifecycle, clock } = world({ graceMs: 10_000, marginMs: 1_000 })
    lifecycle.add(quick('http', { phase: 'intake', drain: () => new Promise(() => {}), inFlight: () => 3, waitingFor: () => ['GET /slow 9 s'] }))
    lifecycle.add(quick('pool', { reserveMs: 2_000, drain: ({ remaining }) => void seen.push(remaining()) }))
    const seen: number[] = []
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(9_000)
    const report = await stopped
    expect(seen).toEqual([2_000])
    expect(report.steps).toMatchObject([
      { name: 'http', outcome: 'forced', inFlight: { atForce: 3 }, waitingFor: ['GET /slow 9 s'] },
      { name: 'pool', outcome: 'drained' },
    ])
    expect(report).toMatchObject({ result: 'forced', exitCode: 71 })
  })

  test('the plan says so at boot when the reserves cannot fit', () => {
    const { lifecycle } = world({ graceMs: 3_000 })
    lifecycle.add(quick('http', { phase: 'intake' }))
    lifecycle.add(quick('pool'))
    const plan = lifecycle.plan()
    expect(plan.scale).toBeCloseTo(2_250 / 7_200)
    expect(plan.criticalPath).toEqual(['http', 'pool'])
    expect(plan.warnings[0]).toContain('http → pool add up to 7.2 s, the budget is 2.3 s')
    expect(plan.steps.at(-1)?.latestFinishMs).toBe(2_250)
  })

  test('shrinkTo moves the deadline earlier and never later', async () => {
    const { lifecycle, clock, events } = world({ graceMs: 20_000 })
    lifecycle.add(quick('hangs', { drain: () => new Promise(() => {}) }))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    lifecycle.shrinkTo(60_000)
    expect(events.some((event) => event.type === 'deadline-shrunk')).toBe(false)
    await clock.advance(1_000)
    lifecycle.shrinkTo(2_000)
    await clock.advance(2_000)
    expect((await stopped).tookMs).toBe(3_000)
  })

  test('force() cuts everything at once, in whatever order', async () => {
    const { lifecycle } = world()
    const forced: string[] = []
    for (const [name, phase] of [['a', 'intake'], ['b', 'connections']] as const) {
      lifecycle.add(quick(name, { phase, drain: () => new Promise(() => {}), force: () => void forced.push(name) }))
    }
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    lifecycle.force()
    expect(forced).toEqual(['a', 'b'])
    expect((await stopped).steps.map((step) => step.outcome)).toEqual(['forced', 'forced'])
  })
})

describe('outcomes', () => {
  test('of thousands that are waited for, the report names twenty', async () => {
    const { lifecycle } = world()
    const waitingFor = (): string[] => Array.from({ length: 1_000 }, (_, index) => `GET /${index}`)
    lifecycle.add(quick('http', { drain: () => new Promise(() => {}), force: () => {}, waitingFor }))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    lifecycle.force()
    const [step] = (await stopped).steps
    expect(step?.waitingFor).toHaveLength(21)
    expect(step?.waitingFor.slice(-2)).toEqual(['GET /19', 'and more'])
  })

  test('idle when nothing was in flight from the beginning, drained when something was', async () => {
    const { lifecycle } = world()
    let left = 2
    lifecycle.add(quick('idle', { inFlight: () => 0 }))
    lifecycle.add(quick('busy', { inFlight: () => left, drain: () => { left = 0 } }))
    lifecycle.add(quick('cannot tell'))
    await lifecycle.start()
    const report = await lifecycle.stop(sigterm)
    expect(Object.fromEntries(report.steps.map((step) => [step.name, step.outcome]))).toEqual({ idle: 'idle', busy: 'drained', 'cannot tell': 'drained' })
  })

  test('a drain that rejects is failed, forced afterwards, and does not stop the others', async () => {
    const { lifecycle } = world()
    let forced = 0
    lifecycle.add(quick('bad', { drain: () => Promise.reject(new TypeError('nope')), force: () => void (forced += 1) }))
    lifecycle.add(quick('last', { phase: 'telemetry' }))
    await lifecycle.start()
    const report = await lifecycle.stop(sigterm)
    expect(forced).toBe(1)
    expect(report.steps).toMatchObject([{ outcome: 'failed', errors: ['TypeError: nope'] }, { outcome: 'drained' }])
  })
})

describe('a programmer hears at once of', () => {
  test.each<[LifecycleErrorCode, (lifecycle: Lifecycle) => unknown]>([
    ['duplicate-name', (lifecycle) => (lifecycle.add(quick('a')), lifecycle.add(quick('a')))],
    ['invalid-resource', (lifecycle) => lifecycle.add(quick(''))],
    ['invalid-resource', (lifecycle) => lifecycle.add(quick('a', { phase: 'later' as never }))],
    ['invalid-resource', (lifecycle) => lifecycle.add({ name: 'a', phase: 'work' } as never)],
    ['invalid-resource', (lifecycle) => lifecycle.add(quick('lame duck'))],
    ['invalid-option', (lifecycle) => lifecycle.add(quick('a', { reserveMs: -1 }))],
    ['unknown-dependency', (lifecycle) => lifecycle.add(quick('a'), { needs: [createLifecycle().add(quick('b'))] })],
    ['dependency-cycle', (lifecycle) => lifecycle.add(quick('a'), { needs: [lifecycle.add(quick('b', { phase: 'intake' }))] })],
    ['dependency-cycle', (lifecycle) => lifecycle.add(quick('a', { drainFrom: 'phase-end' }), { needs: [lifecycle.add(quick('b'))] })],
    ['added-too-late', (lifecycle) => (void lifecycle.stop(), lifecycle.add(quick('a')))],
    ['added-too-late', (lifecycle) => (void lifecycle.start(), lifecycle.add(quick('a', { start: () => {} })))],
    ['invalid-option', () => createLifecycle({ policy: { graceMs: '30' as never } })],
    ['invalid-option', () => createLifecycle({ policy: { graceMs: 1_000, preStopMs: 900 } })],
    ['invalid-option', () => createLifecycle({ policy: { grace: 1 } as never })],
  ])('%s', (code, action) => {
    expect(codeOf(() => action(createLifecycle({ env: {} })))).toBe(code)
  })
})

test('not-ready by hand is reversible, and cannot undo a stop', async () => {
  const { lifecycle } = world()
  await lifecycle.start()
  const release = lifecycle.holdNotReady('an operator asked')
  expect(lifecycle.isReady).toBe(false)
  release()
  expect(lifecycle.isReady).toBe(true)
  const again = lifecycle.holdNotReady('an operator asked')
  await lifecycle.stop(sigterm)
  again()
  expect(lifecycle.isReady).toBe(false)
})

test('a handle takes its resource out again', async () => {
  const { lifecycle } = world()
  lifecycle.add(quick('a')).remove()
  lifecycle.add(quick('a'))
  expect((await lifecycle.stop()).steps).toHaveLength(1)
})

test('a listener that throws harms neither the stop nor the other listeners', async () => {
  const { lifecycle, events } = world()
  const warnings: string[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning.message)
  process.on('warning', onWarning)
  lifecycle.subscribe(() => { throw new Error('listener') })
  lifecycle.add(quick('a'))
  await lifecycle.start()
  expect((await lifecycle.stop(sigterm)).result).toBe('clean')
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', onWarning)
  expect(warnings[0]).toContain('listener')
  expect(events.at(-1)?.type).toBe('stopped')
})

test('checks run beside each other, each within its bound', async () => {
  const { lifecycle, clock } = world()
  let hang = false
  lifecycle.add(quick('hangs', { check: () => (hang ? new Promise(() => {}) : undefined) }))
  lifecycle.add(quick('fine', { check: () => {} }))
  lifecycle.add(quick('has none'))
  await lifecycle.start()
  hang = true
  const checked = lifecycle.check({ timeoutMs: 50 })
  await clock.advance(50)
  expect(await checked).toMatchObject([{ name: 'hangs', ok: false, error: 'no answer within 50 ms' }, { name: 'fine', ok: true }])
})

test('only the checks that are asked for are run', async () => {
  const { lifecycle } = world()
  const asked: string[] = []
  for (const name of ['pg', 'model']) lifecycle.add(quick(name, { check: () => void asked.push(name) }))
  await lifecycle.start()
  asked.length = 0
  expect(await lifecycle.check({ only: (name) => name === 'model' })).toMatchObject([{ name: 'model', ok: true }])
  expect(asked).toEqual(['model'])
})

test('a hundred streams may listen to `draining` without a warning', async () => {
  const { lifecycle } = world()
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onWarning)
  for (let stream = 0; stream < 100; stream += 1) lifecycle.draining.addEventListener('abort', () => {})
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', onWarning)
  expect(warnings).toEqual([])
})

test('await using stops it', async () => {
  const { lifecycle } = world()
  await lifecycle[Symbol.asyncDispose]()
  expect(lifecycle.state.name).toBe('stopped')
})
