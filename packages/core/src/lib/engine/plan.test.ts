import { expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { PolicyOptions } from '../policy.ts'
import type { PlanStep } from '../report/report.ts'
import type { Resource } from '../resource.ts'
import { createFakeClock } from '../testing/fake-clock.ts'

function world(policy: PolicyOptions): Lifecycle {
  return createLifecycle({ clock: createFakeClock(), env: {}, policy })
}

function quick(name: string, own: Partial<Resource> = {}): Resource {
  return { name, phase: 'connections', drain: () => {}, ...own }
}

function steps(lifecycle: Lifecycle): Record<string, PlanStep> {
  return Object.fromEntries(lifecycle.plan().steps.map((step) => [step.name, step]))
}

/** Added in an order that is neither that of the phases nor that of the times. */
function shop(policy: PolicyOptions): Lifecycle {
  const lifecycle = world({ forceMs: 100, ...policy })
  lifecycle.add(quick('flush', { phase: 'telemetry', drainFrom: 'signal', reserveMs: 200 }))
  const pool = lifecycle.add(quick('pool', { reserveMs: 900 }))
  lifecycle.add(quick('repository', { reserveMs: 400 }), { needs: [pool] })
  lifecycle.add(quick('jobs', { phase: 'work', drainFrom: 'signal', reserveMs: 300 }))
  lifecycle.add(quick('consumer', { phase: 'intake', reserveMs: 1_900 }))
  lifecycle.add(quick('http', { phase: 'intake', drainFrom: 'lame-duck-end', reserveMs: 900 }))
  return lifecycle
}

const roomy: PolicyOptions = { graceMs: 11_000, marginMs: 1_000, lameDuck: { minMs: 1_500, maxMs: 3_000 } }

test('says what each step waits for: a phase, and single steps besides', () => {
  const order = Object.entries(steps(shop(roomy))).map(([name, { drainFrom, afterPhase, after }]) => [name, drainFrom, afterPhase, after])
  expect(Object.fromEntries(order.map(([name, ...rest]) => [name, rest]))).toEqual({
    'lame duck': ['signal', undefined, []],
    consumer: ['phase', undefined, []],
    http: ['lame-duck-end', undefined, ['lame duck']],
    jobs: ['signal', undefined, []],
    repository: ['phase', 'work', []],
    pool: ['phase', 'work', ['repository']],
    flush: ['signal', undefined, []],
  })
})

test('what waits for the end of its phase is after all of it, and before the next', () => {
  const lifecycle = world({})
  for (const name of ['jobs', 'mail']) lifecycle.add(quick(name, { phase: 'work' }))
  lifecycle.add(quick('framework', { phase: 'work', drainFrom: 'phase-end' }))
  lifecycle.add(quick('outbox', { phase: 'producers' }))
  const { framework, jobs, outbox } = steps(lifecycle)
  expect([jobs?.afterPhase, framework?.afterPhase, outbox?.afterPhase]).toEqual([undefined, 'work', 'work'])
  expect(framework?.startMs).toBe((jobs?.startMs ?? 0) + 3_000)
  expect(outbox?.startMs).toBe((framework?.startMs ?? 0) + 3_000)
})

test('has the steps in the order of their latest starts', () => {
  const { steps: all } = shop(roomy).plan()
  // Backwards from 10,000 ms: 1,000 for the pool, 500 for the repository before it, 2,000 for the consumer, …
  expect(all.map(({ name, latestStartMs, latestFinishMs }) => [name, latestStartMs, latestFinishMs])).toEqual([
    ['lame duck', 6_000, 7_500],
    ['consumer', 6_500, 8_500],
    ['http', 7_500, 8_500],
    ['jobs', 8_100, 8_500],
    ['repository', 8_500, 9_000],
    ['pool', 9_000, 10_000],
    ['flush', 9_700, 10_000],
  ])
})

test('tells when a step begins if every other uses its reserve and no more', () => {
  const startsOf = (policy: PolicyOptions): (number | undefined)[] => ['http', 'repository', 'pool'].map((name) => steps(shop(policy))[name]?.startMs)
  expect(startsOf(roomy)).toEqual([1_500, 2_400, 2_800])
})

test('scales that with the reserves when they do not fit', () => {
  // The lame duck, http, the repository and the pool are 4,000 ms long.
  const tight = shop({ graceMs: 2_500, marginMs: 500, lameDuck: { minMs: 1_500, maxMs: 3_000 } })
  expect(tight.plan()).toMatchObject({ budgetMs: 2_000, criticalPathMs: 4_000, scale: 0.5, criticalPath: ['lame duck', 'http', 'repository', 'pool'] })
  expect(steps(tight)).toMatchObject({
    http: { reserveMs: 450, forceMs: 50, startMs: 750, latestStartMs: 750 },
    repository: { reserveMs: 200, forceMs: 50, startMs: 1_200, latestStartMs: 1_250 },
    pool: { reserveMs: 450, forceMs: 50, startMs: 1_400, latestStartMs: 1_500 },
  })
})

// Catches: a warning at every start of a service that runs in Docker and has chosen nothing but the grace period.
test('defaults that do not fit are told by the plan alone; what somebody has chosen is told at the start and in the report', async () => {
  const told = async (policy: PolicyOptions, own: Partial<Resource> = {}): Promise<unknown> => {
    const lifecycle = createLifecycle({ clock: createFakeClock(), env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' }, policy: { graceMs: 10_000, ...policy } })
    const warnings: string[] = []
    lifecycle.subscribe((event) => void (event.type === 'warning' && warnings.push(event.message)))
    lifecycle.add(quick('http', { phase: 'intake', drainFrom: 'lame-duck-end' }))
    lifecycle.add(quick('jobs', { phase: 'work', reserveMs: 3_000 }))
    lifecycle.add(quick('pool', own))
    lifecycle.add(quick('probes', { phase: 'telemetry', reserveMs: 0 }))
    expect(lifecycle.plan().warnings).toEqual([expect.stringMatching(/^the reserves on the path lame duck → http → jobs → pool → probes add up to 15\.\d s, the budget is 9\.0 s/)])
    await lifecycle.start()
    const stopped = lifecycle.stop()
    lifecycle.force()
    return { start: warnings.length, report: (await stopped).warnings.length }
  }
  expect(await told({})).toEqual({ start: 0, report: 0 })
  // Nothing of that phase is there.
  expect(await told({ phases: { producers: { reserveMs: 1_000 } } })).toEqual({ start: 0, report: 0 })
  expect(await told({ phases: { intake: { reserveMs: 5_000 } } })).toEqual({ start: 1, report: 1 })
  expect(await told({ lameDuck: { minMs: 5_000 } })).toEqual({ start: 1, report: 1 })
  expect(await told({}, { reserveMs: 2_500 })).toEqual({ start: 1, report: 1 })
})

test("a phase's timeout is each resource's that has none of its own, and bounds its reserve", async () => {
  const clock = createFakeClock()
  const lifecycle = createLifecycle({ clock, env: {}, policy: { phases: { work: { timeoutMs: 700, reserveMs: 900 } } } })
  const hangs = { phase: 'work', drain: () => new Promise<void>(() => {}), force: () => {} } as const
  lifecycle.add(quick('jobs', hangs))
  lifecycle.add(quick('mails', { ...hangs, timeoutMs: 1_200 }))
  lifecycle.add(quick('pool'))
  expect(steps(lifecycle)).toMatchObject({ jobs: { timeoutMs: 700, reserveMs: 700 }, mails: { timeoutMs: 1_200, reserveMs: 900 }, pool: { timeoutMs: undefined } })
  const stopped = lifecycle.stop()
  await clock.advance(2_000)
  const cut = (await stopped).steps.filter((step) => step.outcome === 'forced').map(({ name, finishedMs }) => [name, finishedMs])
  expect(cut).toEqual([['jobs', 700], ['mails', 1_200]])
})

// Catches: a grace period that was given in seconds, and starts without a word.
test('defaults of which less than a quarter is left are told at the start', async () => {
  const lifecycle = createLifecycle({ clock: createFakeClock(), env: {}, policy: { graceMs: 30 } })
  const warnings: string[] = []
  lifecycle.subscribe((event) => void (event.type === 'warning' && warnings.push(event.message)))
  lifecycle.add(quick('http', { phase: 'intake' }))
  await lifecycle.start()
  expect(warnings).toEqual([expect.stringMatching(/the budget is 23 ms .*every reserve was cut to 0 %/)])
})
