import { describe, expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import type { LifecycleEvent } from '../events.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { PolicyOptions } from '../policy.ts'
import type { Resource } from '../resource.ts'
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts'

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const

function quick(name: string, own: Partial<Resource> = {}): Resource {
  return { name, phase: 'connections', drain: () => {}, ...own }
}

function world(policy: PolicyOptions): { clock: FakeClock; lifecycle: Lifecycle; events: LifecycleEvent[] } {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy })
  const events: LifecycleEvent[] = []
  lifecycle.subscribe((event) => events.push(event))
  return { clock, lifecycle, events }
}

describe('the lame duck', () => {
  const lameDuck = { minMs: 1_000, quietMs: 300, maxMs: 3_000 }

  test('keeps servers and holds nobody else back', async () => {
    const { lifecycle, clock } = world({ lameDuck })
    const drained: string[] = []
    lifecycle.add(quick('consumer', { phase: 'intake', drain: () => void drained.push(`consumer ${clock.now()}`) }))
    lifecycle.add(quick('lease', { drainFrom: 'signal', drain: () => void drained.push(`lease ${clock.now()}`) }))
    lifecycle.add(quick('server', { phase: 'intake', drainFrom: 'lame-duck-end', lastArrival: () => 0, drain: () => void drained.push(`server ${clock.now()}`) }))
    lifecycle.add(quick('pool', { drain: () => void drained.push(`pool ${clock.now()}`) }))
    await lifecycle.start()
    const stopped = lifecycle.stop(sigterm)
    expect(lifecycle.state.name).toBe('lame-duck')
    await clock.advance(999)
    expect(drained).toEqual(['consumer 0', 'lease 0'])
    expect(lifecycle.draining.aborted).toBe(false)
    await clock.advance(1)
    expect(lifecycle.draining.aborted).toBe(true)
    expect(drained).toEqual(['consumer 0', 'lease 0', 'server 1000', 'pool 1000'])
    expect((await stopped).result).toBe('clean')
  })

  test('goes on while work arrives, and not beyond its maximum', async () => {
    const { lifecycle, clock, events } = world({ lameDuck })
    lifecycle.add(quick('server', { phase: 'intake', drainFrom: 'lame-duck-end', lastArrival: () => clock.now() }))
    await lifecycle.start()
    void lifecycle.stop(sigterm)
    await clock.advance(5_000)
    expect(events.find((event) => event.type === 'lame-duck-ended')).toMatchObject({ tookMs: 3_000, why: 'max' })
  })

  test('ends when the last work came `quietMs` ago', async () => {
    const { lifecycle, clock, events } = world({ lameDuck })
    lifecycle.add(quick('server', { phase: 'intake', drainFrom: 'lame-duck-end', lastArrival: () => 1_500 }))
    await lifecycle.start()
    void lifecycle.stop(sigterm)
    await clock.advance(5_000)
    expect(events.find((event) => event.type === 'lame-duck-ended')).toMatchObject({ tookMs: 1_800, why: 'quiet' })
  })

  test.each([
    ['before the service was ready', async (lifecycle: Lifecycle) => { void lifecycle }, sigterm],
    ['on Ctrl-C', (lifecycle: Lifecycle) => lifecycle.start(), { kind: 'signal', signal: 'SIGINT', interactive: true } as const],
    ['on an uncaught error', (lifecycle: Lifecycle) => lifecycle.start(), { kind: 'fatal', origin: 'uncaughtException', error: new Error('x') } as const],
  ])('is skipped %s', async (_name, before, reason) => {
    const { lifecycle } = world({ lameDuck })
    lifecycle.add(quick('server', { phase: 'intake', drainFrom: 'lame-duck-end', lastArrival: () => 0 }))
    await before(lifecycle)
    const report = await lifecycle.stop(reason)
    expect(report.tookMs).toBe(0)
    expect(report.steps.map((step) => step.name)).toEqual(['server'])
  })

  test('keeps a second of it after a preStop that waited longer, since pinned connections still have to be led away', async () => {
    const { lifecycle, clock, events } = world({ lameDuck: { minMs: 5_000, quietMs: 0, maxMs: 10_000 }, preStopMs: 8_000 })
    lifecycle.add(quick('server', { phase: 'intake', drainFrom: 'lame-duck-end', lastArrival: () => 0 }))
    await lifecycle.start()
    void lifecycle.stop(sigterm)
    await clock.advance(10_000)
    expect(events.find((event) => event.type === 'lame-duck-ended')).toMatchObject({ tookMs: 1_000 })
  })
})
