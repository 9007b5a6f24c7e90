import { describe, expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import type { LifecycleEvent } from '../events.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Resource } from '../resource.ts'
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts'
import { scriptedResource, type ScriptedCall, type ScriptedOptions, type ScriptedResource } from '../testing/scripted-resource.ts'

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const

interface World {
  readonly clock: FakeClock
  readonly lifecycle: Lifecycle
  readonly events: readonly LifecycleEvent[]
  readonly calls: readonly ScriptedCall[]
  readonly slow: (name: string, startTakesMs: number, own?: Partial<ScriptedOptions>) => ScriptedResource
}

function world(): World {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {} })
  const events: LifecycleEvent[] = []
  const calls: ScriptedCall[] = []
  lifecycle.subscribe((event) => events.push(event))
  return { clock, lifecycle, events, calls, slow: (name, startTakesMs, own = {}) => scriptedResource({ clock, calls, name, startTakesMs, ...own }) }
}

function quick(name: string, own: Partial<Resource> = {}): Resource {
  return { name, phase: 'connections', drain: () => {}, ...own }
}

function lines(calls: readonly ScriptedCall[]): string[] {
  return calls.map(({ name, call, atMs }) => `${atMs} ${name} ${call}`)
}

describe('the order', () => {
  test('runs what is needed first, and stops it last', async () => {
    const { lifecycle } = world()
    const order: string[] = []
    const traced = (name: string, phase: Resource['phase']): Resource =>
      quick(name, { phase, start: () => void order.push(`+${name}`), drain: () => void order.push(`-${name}`) })
    lifecycle.add(traced('http', 'intake'))
    const db = lifecycle.add(traced('db', 'connections'))
    lifecycle.add(traced('cache', 'connections'), { needs: [db] })
    await lifecycle.start()
    await lifecycle.stop(sigterm)
    expect(order).toEqual(['+db', '+cache', '+http', '-http', '-cache', '-db'])
  })

  test('within a phase, what needs another waits for the end of its start, once, and nothing else waits', async () => {
    const { clock, lifecycle, calls, slow } = world()
    const db = lifecycle.add(slow('db', 100))
    const cache = lifecycle.add(slow('cache', 50), { needs: [db] })
    lifecycle.add(slow('queue', 20))
    lifecycle.add(slow('repository', 10), { needs: [db, cache] })
    const started = lifecycle.start()
    await clock.advance(160)
    await started
    expect(lines(calls)).toEqual([
      '0 db start', '0 queue start', '20 queue started', '100 db started', '100 cache start', '150 cache started', '150 repository start', '160 repository started',
    ])
  })

  test('a phase waits for all of the phases that stop after it, however slow, and whatever it needs of them', async () => {
    const { clock, lifecycle, calls, slow } = world()
    const tracing = lifecycle.add(slow('tracing', 30, { phase: 'telemetry' }))
    lifecycle.add(slow('db', 100))
    lifecycle.add(slow('http', 10, { phase: 'intake' }), { needs: [tracing] })
    const started = lifecycle.start()
    await clock.advance(140)
    await started
    expect(lines(calls)).toEqual(['0 tracing start', '30 tracing started', '30 db start', '130 db started', '130 http start', '140 http started'])
  })

  test('the check belongs to the start that is waited for', async () => {
    const { clock, lifecycle, events } = world()
    const db = lifecycle.add(quick('db', { start: () => {}, check: () => new Promise((resolve) => void clock.setTimer(resolve, 70)) }))
    lifecycle.add(quick('cache', { start: () => {} }), { needs: [db] })
    const started = lifecycle.start()
    await clock.advance(70)
    await started
    const told = events.flatMap((event) => (event.type === 'resource-starting' || event.type === 'resource-started' ? [`${event.type} ${event.name}`] : []))
    expect(told).toEqual(['resource-starting db', 'resource-started db', 'resource-starting cache', 'resource-started cache'])
    expect(events).toContainEqual({ type: 'resource-started', name: 'db', tookMs: 70 })
  })
})

// Catches: a server that the application tells to listen, whose requests were given up as if it had never been there.
describe('what is in use before the lifecycle has started it', () => {
  const aborts = (context: { signal: AbortSignal }): Promise<void> => new Promise((_resolve, reject) => context.signal.addEventListener('abort', () => reject(new Error('stopped'))))

  test.each([
    ['is drained where its start has not begun', { start: () => {} }],
    ['is drained where its start was given up', { phase: 'connections', start: aborts } as const],
  ])('%s', async (_what, own) => {
    const { lifecycle } = world()
    let inFlight = 1
    const drained: string[] = []
    const drain = async (): Promise<void> => {
      await Promise.resolve()
      inFlight = 0
      drained.push('server')
    }
    lifecycle.add(quick('db', { phase: 'connections', start: aborts, drain: () => void drained.push('db') }))
    lifecycle.add(quick('server', { phase: 'intake', inFlight: () => inFlight, drain, ...own }))
    const started = lifecycle.start()
    started.catch(() => {})
    const report = await lifecycle.stop()
    await expect(started).rejects.toThrow('a stop began')
    expect(drained).toEqual(['server'])
    expect(report.steps.map(({ name, outcome }) => `${name} ${outcome}`).toSorted()).toEqual(['db skipped', 'server drained'])
  })

  test('is in doubt where its drain leaves it', async () => {
    const { lifecycle, clock } = world()
    lifecycle.add(quick('db', { phase: 'connections', start: aborts }))
    lifecycle.add(quick('server', { phase: 'intake', start: () => {}, inFlight: () => 1 }))
    lifecycle.start().catch(() => {})
    const stopped = lifecycle.stop()
    await clock.advance(1_000)
    expect((await stopped).result).toBe('unknown')
  })
})

describe('a start that fails', () => {
  test('stops only what had started, and rejects with the cause', async () => {
    const { lifecycle } = world()
    const drained: string[] = []
    lifecycle.add(quick('db', { start: () => {}, drain: () => void drained.push('db') }))
    lifecycle.add(quick('http', { phase: 'intake', start: () => Promise.reject(new Error('port in use')), drain: () => void drained.push('http') }))
    lifecycle.add(quick('late', { phase: 'intake', start: () => {}, drain: () => void drained.push('late') }))
    await expect(lifecycle.start()).rejects.toMatchObject({ code: 'start-failed', resource: 'http', message: 'http could not start: port in use' })
    const report = await lifecycle.stop()
    expect(report).toMatchObject({ reason: { kind: 'fatal', origin: 'start' }, from: 'starting', exitCode: 1 })
    expect(drained).toEqual(['late', 'db'])
    expect(report.steps.find((step) => step.name === 'http')?.outcome).toBe('skipped')
  })

  test('keeps what needs it from beginning', async () => {
    const { clock, lifecycle, calls, slow } = world()
    const db = lifecycle.add(slow('db', 100, { during: { start: () => { throw new Error('no route') } } }))
    lifecycle.add(slow('cache', 50), { needs: [db] })
    lifecycle.add(slow('http', 50, { phase: 'intake' }))
    const started = lifecycle.start()
    started.catch(() => {})
    await clock.advance(1_000)
    await expect(started).rejects.toMatchObject({ resource: 'db' })
    expect(lines(calls).filter((line) => / start/.test(line))).toEqual(['0 db start'])
  })

  test('is one whose check fails', async () => {
    const { lifecycle } = world()
    lifecycle.add(quick('db', { check: () => { throw new Error('no route') } }))
    await expect(lifecycle.start()).rejects.toMatchObject({ code: 'check-failed', message: 'db started but is not usable: no route' })
  })

  test('is one whose check hangs, after 5 s, and what had started is stopped', async () => {
    const { clock, lifecycle } = world()
    lifecycle.add(quick('db', { start: () => {}, check: () => new Promise(() => {}) }))
    const started = lifecycle.start()
    started.catch(() => {})
    await clock.advance(4_999)
    expect(lifecycle.state.name).toBe('starting')
    await clock.advance(1)
    await expect(started).rejects.toMatchObject({ code: 'check-failed', message: 'db started but is not usable: no answer within 5000 ms' })
    expect((await lifecycle.stop()).steps).toMatchObject([{ name: 'db', outcome: 'drained' }])
  })
})

describe('a start that takes long', () => {
  const warnings = (events: readonly LifecycleEvent[]): string[] => events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))

  // Catches: a service that never gets ready and says nothing.
  test('says after 5 s what it waits for, once', async () => {
    const { clock, lifecycle, events, slow } = world()
    lifecycle.add({ ...slow('http', 60_000), waitingFor: () => ['its server to listen'] })
    lifecycle.add(slow('db', 4_000))
    lifecycle.start().catch(() => {})
    await clock.advance(4_999)
    expect(warnings(events)).toEqual([])
    await clock.advance(30_000)
    expect(warnings(events)).toEqual(['The service is not ready yet: for 5 s it has waited for the start of "http", which waits for its server to listen'])
  })

  test('… also where it cannot tell, and not in a stop', async () => {
    const { clock, lifecycle, events, slow } = world()
    lifecycle.add({ ...slow('http', 60_000), waitingFor: () => { throw new Error('boom') } })
    lifecycle.start().catch(() => {})
    await clock.advance(5_000)
    expect(warnings(events)).toEqual([expect.stringContaining('"http", which waits for something that it cannot tell (waitingFor: boom)')])

    const other = world()
    other.lifecycle.add(other.slow('http', 60_000, { ignoresAbort: true }))
    other.lifecycle.start().catch(() => {})
    await other.clock.advance(1_000)
    void other.lifecycle.stop()
    await other.clock.advance(5_000)
    expect(warnings(other.events)).toEqual([])
  })
})

describe('a stop during the start', () => {
  test('aborts it, waits for what is under way, and stops that', async () => {
    const { lifecycle } = world()
    const drained: string[] = []
    lifecycle.add(quick('slow', { start: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())), drain: () => void drained.push('slow') }))
    lifecycle.add(quick('http', { phase: 'intake', start: () => {}, drain: () => void drained.push('http') }))
    const begun = new Promise<void>((resolve) => lifecycle.subscribe((event) => { if (event.type === 'resource-starting') resolve() }))
    const started = lifecycle.start()
    await begun
    const report = await lifecycle.stop(sigterm)
    await expect(started).rejects.toMatchObject({ code: 'start-failed' })
    expect(drained).toEqual(['slow'])
    expect(report.steps.map((step) => `${step.name} ${step.outcome}`)).toEqual(['http skipped', 'slow drained'])
    expect(report).toMatchObject({ result: 'clean', exitCode: 0 })
  })

  test('ends the check that follows a start, and is not held up by it', async () => {
    const { clock, lifecycle } = world()
    const signals: AbortSignal[] = []
    lifecycle.add(quick('db', { start: () => {}, check: ({ signal }) => (signals.push(signal), new Promise(() => {})) }))
    const started = lifecycle.start()
    started.catch(() => {})
    await clock.advance(10)
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(0)
    expect(lifecycle.state.name).toBe('stopped')
    expect(await stopped).toMatchObject({ tookMs: 0, steps: [{ name: 'db', outcome: 'drained' }] })
    await expect(started).rejects.toMatchObject({ code: 'start-failed' })
    expect(signals.map((signal) => signal.aborted)).toEqual([true])
  })

  test('begins no check any more', async () => {
    const { clock, lifecycle, slow } = world()
    let checked = 0
    lifecycle.add({ ...slow('db', 100, { ignoresAbort: true }), check: () => void (checked += 1) })
    lifecycle.start().catch(() => {})
    await clock.advance(10)
    const stopped = lifecycle.stop(sigterm)
    await clock.advance(1_000)
    expect(await stopped).toMatchObject({ tookMs: 90, steps: [{ outcome: 'idle' }] })
    expect(checked).toBe(0)
  })
})
