import { expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import type { LifecycleEvent } from '../events.ts'
import { createFakeClock } from '../testing/fake-clock.ts'
import type { Lifecycle } from '../lifecycle.ts'

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const

async function ready(): Promise<{ lifecycle: Lifecycle; clock: ReturnType<typeof createFakeClock>; changes: () => string[] }> {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 20_000 } })
  const events: LifecycleEvent[] = []
  lifecycle.subscribe((event) => events.push(event))
  await lifecycle.start()
  return { lifecycle, clock, changes: () => events.flatMap((event) => (event.type === 'readiness-changed' ? [`${event.ready} ${event.why}`] : [])) }
}

test('two holds are two: readiness comes back with the last of them', async () => {
  const { lifecycle, changes } = await ready()
  const first = lifecycle.holdNotReady('an operator asked')
  const second = lifecycle.holdNotReady('no disk')
  expect(lifecycle.heldBecause).toEqual(['an operator asked', 'no disk'])
  first()
  first()
  expect(lifecycle).toMatchObject({ isReady: false, heldBecause: ['no disk'] })
  second()
  expect(lifecycle).toMatchObject({ isReady: true, heldBecause: [] })
  expect(changes()).toEqual(['true everything has started', 'false an operator asked', 'true over: no disk'])
})

test('preStop begins the grace period, and the signal gets what is left of it', async () => {
  const { lifecycle, clock } = await ready()
  lifecycle.preStop()
  expect(lifecycle).toMatchObject({ isReady: false, heldBecause: ['preStop'], state: { name: 'ready' } })
  await clock.advance(3_000)
  lifecycle.preStop()
  await clock.advance(1_000)
  expect(await lifecycle.stop(sigterm)).toMatchObject({ budgetMs: 15_000, budgetSource: 'policy.graceMs − 4.0 s of preStop, measured' })
})

test('a preStop that no stop follows within the grace period and 5 s was none', async () => {
  const { lifecycle, clock, changes } = await ready()
  lifecycle.preStop()
  await clock.advance(24_999)
  expect(lifecycle.isReady).toBe(false)
  await clock.advance(1)
  expect(lifecycle.isReady).toBe(true)
  expect(changes().at(-1)).toBe('true over: preStop')
  await clock.advance(60_000)
  expect((await lifecycle.stop(sigterm)).budgetMs).toBe(19_000)
})

test('what ends after the stop has begun brings nothing back', async () => {
  const { lifecycle, clock, changes } = await ready()
  lifecycle.preStop()
  const release = lifecycle.holdNotReady('an operator asked')
  await lifecycle.stop(sigterm)
  release()
  await clock.advance(30_000)
  expect(lifecycle.isReady).toBe(false)
  expect(changes()).toEqual(['true everything has started', 'false preStop'])
})

test('preStop is told to every resource, whenever it is added, and taken back; a stop takes nothing back', async () => {
  const { lifecycle, clock } = await ready()
  const heard: string[] = []
  const warnings: string[] = []
  lifecycle.subscribe((event) => void (event.type === 'warning' && warnings.push(event.message)))
  lifecycle.add({ name: 'http', phase: 'intake', preStop: (announced) => void heard.push(`http ${announced}`), drain: () => {} })
  lifecycle.add({ name: 'bad', phase: 'intake', preStop: () => JSON.parse('bad'), drain: () => {} })
  lifecycle.preStop()
  lifecycle.add({ name: 'admin', phase: 'intake', preStop: (announced) => void heard.push(`admin ${announced}`), drain: () => {} })
  expect(heard).toEqual(['http true', 'admin true'])
  await clock.advance(25_000)
  expect(heard.slice(2)).toEqual(['http false', 'admin false'])
  expect(warnings).toEqual([expect.stringMatching(/^bad: preStop: SyntaxError/)])

  lifecycle.preStop()
  await lifecycle.stop(sigterm)
  await clock.advance(60_000)
  expect(heard.slice(4)).toEqual(['http true', 'admin true'])
})

test('announced during the start, it keeps the service from becoming ready, and counts', async () => {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 20_000 } })
  lifecycle.add({ name: 'db', phase: 'connections', start: () => new Promise((resolve) => void clock.setTimer(resolve, 2_000)), drain: () => {} })
  const started = lifecycle.start()
  await clock.advance(1_000)
  lifecycle.preStop()
  await clock.advance(1_000)
  await started
  expect(lifecycle).toMatchObject({ isReady: false, heldBecause: ['preStop'] })
  await clock.advance(3_000)
  expect((await lifecycle.stop(sigterm)).budgetMs).toBe(15_000)
})

test('a hook that overruns leaves what kubelet leaves', async () => {
  const { lifecycle, clock } = await ready()
  lifecycle.preStop()
  await clock.advance(20_100)
  expect((await lifecycle.stop(sigterm)).budgetMs).toBe(1_000)
})

test('every change is told once, and nothing else', async () => {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {} })
  const changes: boolean[] = []
  lifecycle.subscribe((event) => void (event.type === 'readiness-changed' && changes.push(event.ready)))
  lifecycle.subscribe((event) => void (event.type === 'state-changed' && event.state.name === 'ready' && lifecycle.stop()))
  await expect(lifecycle.start()).rejects.toMatchObject({ code: 'start-failed' })
  expect(changes).toEqual([])
})

// Catches: one call of a stranger, 29 s before a real SIGTERM, that leaves 1 s of its 30 s.
test('the time of a hook counts while it is open, and where the signal follows its answer within 5 s', async () => {
  const stopAfter = async (waitMs: number, calls: number = 1): Promise<unknown> => {
    const { lifecycle, clock } = await ready()
    const answers = Array.from({ length: calls }, () => lifecycle.preStop())
    await clock.advance(2_000)
    for (const answered of answers) answered()
    await clock.advance(waitMs)
    const { isReady } = lifecycle
    const { budgetMs } = await lifecycle.stop(sigterm)
    return { isReady, budgetMs }
  }
  expect(await stopAfter(0)).toEqual({ isReady: false, budgetMs: 17_000 })
  expect(await stopAfter(4_999, 3)).toEqual({ isReady: false, budgetMs: 12_001 })
  expect(await stopAfter(5_000)).toEqual({ isReady: true, budgetMs: 19_000 })
  expect(await stopAfter(9_000)).toEqual({ isReady: true, budgetMs: 19_000 })
})

test('… also where another call is still open, and a withdrawn call says nothing of the next one', async () => {
  const { lifecycle, clock } = await ready()
  const first = lifecycle.preStop()
  const second = lifecycle.preStop()
  first()
  first()
  await clock.advance(6_000)
  expect(lifecycle.isReady).toBe(false)
  second()
  await clock.advance(5_000)
  expect(lifecycle.isReady).toBe(true)
  lifecycle.preStop()
  first()
  second()
  await clock.advance(6_000)
  expect(lifecycle.isReady).toBe(false)
  expect((await lifecycle.stop(sigterm)).budgetMs).toBe(13_000)
})

test('a call behind the answer of the last one makes the end due again', async () => {
  const { lifecycle, clock } = await ready()
  lifecycle.preStop()()
  await clock.advance(4_000)
  const again = lifecycle.preStop()
  await clock.advance(4_000)
  expect(lifecycle.isReady).toBe(false)
  again()
  await clock.advance(4_999)
  expect(lifecycle.isReady).toBe(false)
  await clock.advance(1)
  expect(lifecycle.isReady).toBe(true)
})
