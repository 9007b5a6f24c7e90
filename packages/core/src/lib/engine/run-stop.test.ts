import { expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import { createFakeClock, type FakeClock } from '../testing/fake-clock.ts'
import type { LifecycleEvent } from '../events.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { StepReport } from '../report/report.ts'
import { scriptedResource, type ScriptedOptions } from '../testing/scripted-resource.ts'

// What the property tests have found, each as the smallest example.

interface World {
  readonly clock: FakeClock
  readonly lifecycle: Lifecycle
}

function world(...resources: Omit<ScriptedOptions, 'clock'>[]): World {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { graceMs: 11_000, marginMs: 1_000, lameDuck: { minMs: 1_000, quietMs: 0, maxMs: 1_000 } } })
  for (const resource of resources) lifecycle.add(scriptedResource({ clock, ...resource }))
  return { clock, lifecycle }
}

function onStep(lifecycle: Lifecycle, type: LifecycleEvent['type'], name: string, action: () => void): void {
  lifecycle.subscribe((event) => {
    if (event.type === type && 'step' in event && event.step.name === name) action()
  })
}

async function stop({ clock, lifecycle }: World, shrinkToMs?: number): Promise<{ tookMs: number; steps: Map<string, StepReport> }> {
  await lifecycle.start()
  const stopped = lifecycle.stop()
  if (shrinkToMs !== undefined) lifecycle.shrinkTo(shrinkToMs)
  await clock.advance(20_000)
  const { tookMs, steps } = await stopped
  return { tookMs, steps: new Map(steps.map((step) => [step.name, step])) }
}

test('a shrink shortens how long a force is waited for, so that the next step still has its share', async () => {
  const { steps } = await stop(
    world(
      { name: 'hangs', phase: 'work', drainTakesMs: Infinity, reserveMs: 1_000, forceMs: 1_000, forceTakesMs: Infinity },
      { name: 'next', reserveMs: 1_000, drainTakesMs: Infinity },
    ),
    1_550,
  )
  expect(steps.get('hangs')).toMatchObject({ deadlineMs: 500, finishedMs: 1_000 })
  expect(steps.get('next')).toMatchObject({ startedMs: 1_000, deadlineMs: 1_500, late: false })
})

test('a shrink shortens a force that has been called, too', async () => {
  const here = world(
    { name: 'fails', phase: 'work', reserveMs: 1_000, forceMs: 1_000, forceTakesMs: Infinity, during: { drain: () => { throw new Error('no') } } },
    { name: 'next', reserveMs: 900, drainTakesMs: Infinity },
  )
  here.clock.setTimer(() => here.lifecycle.shrinkTo(750), 500)
  const { steps } = await stop(here)
  // 500 of the bound and 1,000 of the next step are left, for 750 ms: half of each.
  expect(steps.get('fails')).toMatchObject({ finishedMs: 750 })
  expect(steps.get('next')).toMatchObject({ startedMs: 750, deadlineMs: 1_200, late: false })
})

test('a quiesce that blocks does not move the end', async () => {
  const here = world({ name: 'a', drainTakesMs: Infinity, forceTakesMs: Infinity, during: { quiesce: () => here.clock.block(9_950) } })
  expect(await stop(here)).toMatchObject({ tookMs: 10_000 })
})

test('what is over needs no time in the schedule that a listener asks for', async () => {
  const here = world(
    { name: 'first', phase: 'intake', reserveMs: 5_000 },
    { name: 'second', phase: 'work', reserveMs: 1_000, drainTakesMs: Infinity },
    { name: 'third', reserveMs: 1_000, drainTakesMs: Infinity },
  )
  onStep(here.lifecycle, 'step-finished', 'first', () => here.lifecycle.shrinkTo(2_200))
  const { steps } = await stop(here)
  expect(steps.get('second')).toMatchObject({ deadlineMs: 1_000 })
  expect(steps.get('third')).toMatchObject({ startedMs: 1_000, deadlineMs: 2_100 })
})

test('nor does a lame duck that is over', async () => {
  const here = world(
    { name: 'http', phase: 'intake', drainFrom: 'lame-duck-end', reserveMs: 500, drainTakesMs: Infinity, lastArrival: () => 0 },
    { name: 'pool', reserveMs: 500, drainTakesMs: Infinity },
  )
  here.lifecycle.subscribe((event) => {
    if (event.type === 'lame-duck-ended') here.lifecycle.shrinkTo(1_200)
  })
  const { steps } = await stop(here)
  expect(steps.get('http')).toMatchObject({ startedMs: 1_000, deadlineMs: 1_500 })
})

test('a lame duck that begins late is told so, and lasts its time', async () => {
  const here = world({ name: 'http', phase: 'intake', drainFrom: 'lame-duck-end', lastArrival: () => 0, during: { quiesce: () => here.clock.block(300) } })
  expect((await stop(here)).steps.get('lame duck')).toMatchObject({ startedMs: 300, finishedMs: 1_300, deadlineMs: 1_300 })
})

test('a shrink after the last step arms nothing', async () => {
  const here = world({ name: 'a' })
  onStep(here.lifecycle, 'step-finished', 'a', () => queueMicrotask(() => here.lifecycle.shrinkTo(1_000)))
  await here.lifecycle.start()
  await here.lifecycle.stop()
  expect(here.clock.armed).toBe(0)
})

test('tells once a second what is waited for, but not during the lame duck, and not when it is over', async () => {
  const here = world(
    { name: 'http', phase: 'intake', drainFrom: 'lame-duck-end', lastArrival: () => 0, drainTakesMs: 1_500, inFlight: 2 },
    { name: 'pool', drainTakesMs: 900 },
  )
  const told: unknown[] = []
  here.lifecycle.subscribe((event) => void (event.type === 'still-waiting' && told.push([here.clock.now(), event.leftMs, event.steps])))
  const begunAt = here.clock.now()
  await stop(here)
  expect(told).toEqual([
    [begunAt + 2_000, 8_000, [{ name: 'http', inFlight: 2, waitingFor: [], leftMs: 5_800 }]],
    [begunAt + 3_000, 7_000, [{ name: 'pool', inFlight: 0, waitingFor: [], leftMs: 6_900 }]],
  ])
})
