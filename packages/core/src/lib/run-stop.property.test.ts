import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLifecycle } from './create-lifecycle.ts'
import { createFakeClock, type FakeClock } from './fake-clock.ts'
import type { LifecycleEvent } from './events.ts'
import type { Handle } from './lifecycle.ts'
import type { Report } from './report.ts'
import { phases, type Phase, type Resource } from './resource.ts'

type Behaviour = 'instant' | 'works' | 'late' | 'hangs' | 'throws' | 'rejects' | 'stops-again' | 'ignores-abort'

interface Part {
  readonly phase: Phase
  readonly drainFrom: 'phase' | 'lame-duck-end' | 'signal'
  readonly reserveMs: number
  readonly timeoutMs: number | undefined
  readonly behaviour: Behaviour
  readonly workMs: number
  readonly forceHangs: boolean
  /** Indexes of earlier parts, taken modulo their number. */
  readonly needs: readonly number[]
}

const part: fc.Arbitrary<Part> = fc.record({
  phase: fc.constantFrom(...phases),
  drainFrom: fc.constantFrom('phase' as const, 'phase' as const, 'lame-duck-end' as const, 'signal' as const),
  reserveMs: fc.integer({ min: 0, max: 3_000 }),
  timeoutMs: fc.option(fc.integer({ min: 1, max: 8_000 }), { nil: undefined }),
  behaviour: fc.constantFrom<Behaviour>('instant', 'works', 'late', 'hangs', 'throws', 'rejects', 'stops-again', 'ignores-abort'),
  workMs: fc.integer({ min: 0, max: 4_000 }),
  forceHangs: fc.boolean(),
  needs: fc.array(fc.nat(20), { maxLength: 3 }),
})

const world = fc.record({
  parts: fc.array(part, { minLength: 1, maxLength: 9 }),
  graceMs: fc.integer({ min: 3_000, max: 40_000 }),
  lameDuck: fc.record({ minMs: fc.integer({ min: 0, max: 4_000 }), quietMs: fc.integer({ min: 0, max: 1_500 }), extraMs: fc.integer({ min: 0, max: 4_000 }) }),
  shrink: fc.option(fc.record({ afterMs: fc.integer({ min: 0, max: 9_000 }), leftMs: fc.integer({ min: 0, max: 20_000 }) }), { nil: undefined }),
})
type World = typeof world extends fc.Arbitrary<infer T> ? T : never

interface Observed {
  readonly report: Report
  readonly events: readonly LifecycleEvent[]
  readonly forced: ReadonlyMap<string, number>
  readonly aborted: ReadonlyMap<string, number>
  readonly needs: ReadonlyMap<string, readonly string[]>
  readonly parts: ReadonlyMap<string, Part>
  readonly armedAfter: number
}

async function live({ parts, graceMs, lameDuck, shrink }: World): Promise<Observed> {
  const clock = createFakeClock()
  const forced = new Map<string, number>()
  const aborted = new Map<string, number>()
  const needs = new Map<string, string[]>()
  const named = new Map<string, Part>()
  const lifecycle = createLifecycle({
    clock,
    env: {},
    policy: { graceMs, marginMs: 500, lameDuck: { minMs: lameDuck.minMs, quietMs: lameDuck.quietMs, maxMs: lameDuck.minMs + lameDuck.extraMs } },
  })
  const handles: Handle[] = []
  for (const [index, own] of parts.entries()) {
    const name = `r${index}`
    const resource = scripted(name, own, clock, forced, aborted, () => void lifecycle.stop())
    const wanted = handles.length === 0 ? [] : own.needs.map((need) => handles[need % handles.length] as Handle)
    const allowed = [...new Set(wanted)].filter((handle) => phases.indexOf(handle.resource.phase) >= phases.indexOf(own.phase))
    handles.push(lifecycle.add(resource, { needs: allowed }))
    named.set(name, own)
    needs.set(name, allowed.map((handle) => handle.resource.name))
  }
  const events: LifecycleEvent[] = []
  let armedAfter = -1
  lifecycle.subscribe((event) => {
    events.push(event)
    if (event.type === 'stopped') armedAfter = clock.armed
  })
  await lifecycle.start()
  const stopped = lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
  if (shrink) {
    await clock.advance(shrink.afterMs)
    lifecycle.shrinkTo(shrink.leftMs)
  }
  await clock.advance(graceMs)
  return { report: await stopped, events, forced, aborted, needs, parts: named, armedAfter }
}

function scripted(
  name: string,
  own: Part,
  clock: FakeClock,
  forced: Map<string, number>,
  aborted: Map<string, number>,
  stopAgain: () => void,
): Resource {
  const after = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms))
  return {
    name,
    phase: own.phase,
    drainFrom: own.drainFrom,
    reserveMs: own.reserveMs,
    ...(own.timeoutMs === undefined ? {} : { timeoutMs: own.timeoutMs }),
    lastArrival: () => 0,
    drain({ signal }) {
      signal.addEventListener('abort', () => aborted.set(name, clock.now()))
      switch (own.behaviour) {
        case 'instant':
          return
        case 'works':
          return after(own.workMs)
        case 'late':
          return after(own.workMs + 60_000)
        case 'hangs':
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
        case 'ignores-abort':
          return new Promise(() => {})
        case 'throws':
          throw new Error(`${name} threw`)
        case 'rejects':
          return Promise.reject(new Error(`${name} rejected`))
        case 'stops-again':
          stopAgain()
          return after(own.workMs)
      }
    },
    force() {
      forced.set(name, (forced.get(name) ?? 0) + 1)
      return own.forceHangs ? new Promise(() => {}) : undefined
    },
  }
}

/** Timers of a fake clock are exact; only the sums of fractions differ. */
const epsilonMs = 1e-6

/** Each of them is checked on thousands of worlds, and each has a planted bug below that it catches. */
const properties: Record<string, (observed: Observed, world: World) => void> = {
  'accounts for every resource exactly once'({ report, parts }) {
    const names = report.steps.map((step) => step.name).filter((name) => name !== 'lame duck')
    expect(names.toSorted()).toEqual([...parts.keys()].toSorted())
  },
  'is over by the deadline'({ report }, { shrink, graceMs }) {
    const deadline = graceMs - 500
    const shrunk = shrink && report.tookMs > shrink.afterMs ? Math.min(deadline, shrink.afterMs + shrink.leftMs) : deadline
    expect(report.tookMs).toBeLessThanOrEqual(shrunk + epsilonMs)
  },
  'gives every step at least its reserve, or its own timeout'({ report, parts }, { shrink }) {
    if (shrink) return
    for (const step of report.steps) {
      const own = parts.get(step.name)
      if (!own || step.startedMs === undefined || step.deadlineMs === undefined) continue
      const promised = Math.min(own.reserveMs, own.timeoutMs ?? Infinity) * report.scale
      expect(step.deadlineMs - step.startedMs, `${step.name} got less than its reserve`).toBeGreaterThanOrEqual(promised - epsilonMs)
      expect(step.late, `${step.name} started too late`).toBe(false)
    }
  },
  'records every late start'({ report }) {
    for (const step of report.steps) {
      if (step.startedMs !== undefined && step.phase !== undefined) expect(step.late).toBe(step.startedMs - step.latestStartMs > 1)
    }
  },
  'respects every edge'({ report, needs, parts }) {
    const step = new Map(report.steps.map((each) => [each.name, each]))
    const before = (first: string, second: string): void => {
      expect(step.get(first)?.finishedMs, `${first} before ${second}`).toBeLessThanOrEqual((step.get(second)?.startedMs ?? 0) + epsilonMs)
    }
    for (const [name, own] of parts) {
      for (const needed of needs.get(name) ?? []) if (parts.get(needed)?.drainFrom !== 'signal') before(name, needed)
      if (own.drainFrom === 'signal') continue
      for (const [other, theirs] of parts) if (phases.indexOf(theirs.phase) < phases.indexOf(own.phase)) before(other, name)
      if (own.drainFrom === 'lame-duck-end' && step.has('lame duck')) before('lame duck', name)
    }
  },
  'calls force exactly once for what overran or failed, and for nothing else'({ report, forced }) {
    for (const step of report.steps) {
      if (step.phase === undefined) continue
      expect(forced.get(step.name) ?? 0, step.name).toBe(step.outcome === 'forced' || step.outcome === 'failed' ? 1 : 0)
    }
  },
  'never waits for force beyond its bound'({ report }) {
    for (const step of report.steps) {
      if (step.outcome !== 'forced' || step.finishedMs === undefined || step.deadlineMs === undefined) continue
      const cutAt = Math.max(step.deadlineMs, step.startedMs ?? 0)
      expect(step.finishedMs - cutAt, step.name).toBeLessThanOrEqual(100 + epsilonMs)
    }
  },
  'tells the truth about the outcome'({ report, parts }) {
    for (const step of report.steps) {
      const behaviour = parts.get(step.name)?.behaviour
      if (behaviour === 'throws' || behaviour === 'rejects') expect(['failed', 'forced']).toContain(step.outcome)
      if (behaviour === 'hangs' || behaviour === 'ignores-abort' || behaviour === 'late') expect(step.outcome).toBe('forced')
      if (step.outcome === 'drained') expect(step.finishedMs).toBeLessThanOrEqual((step.deadlineMs ?? Infinity) + epsilonMs)
    }
  },
  'leaves no timer armed'({ armedAfter, parts }) {
    // What a scripted resource armed for itself and never awaited again is its own.
    if ([...parts.values()].some((own) => own.behaviour === 'late' || own.behaviour === 'works' || own.behaviour === 'stops-again')) return
    expect(armedAfter).toBe(0)
  },
}

describe('whatever the graph, the budget and the behaviour, the stop', () => {
  for (const [name, property] of Object.entries(properties)) {
    test(name, async () => {
      await fc.assert(
        fc.asyncProperty(world, async (random) => property(await live(random), random)),
        { numRuns: 400 },
      )
    })
  }
})

describe('each property fails on the bug planted for it:', () => {
  const bugs: Record<keyof typeof properties, (observed: Observed) => Observed> = {
    'accounts for every resource exactly once': withSteps((steps) => steps.slice(1)),
    'is over by the deadline': (observed) => ({ ...observed, report: { ...observed.report, tookMs: observed.report.tookMs + 60_000 } }),
    'gives every step at least its reserve, or its own timeout': withSteps((steps) => steps.map((step) => ({ ...step, deadlineMs: (step.startedMs ?? 0) - 1 }))),
    'records every late start': withSteps((steps) => steps.map((step) => ({ ...step, late: !step.late }))),
    'respects every edge': withSteps((steps) => steps.map((step) => ({ ...step, finishedMs: 1e6 }))),
    'calls force exactly once for what overran or failed, and for nothing else': (observed) => ({
      ...observed,
      forced: new Map(observed.report.steps.map((step) => [step.name, 2])),
    }),
    'never waits for force beyond its bound': withSteps((steps) => steps.map((step) => ({ ...step, finishedMs: (step.finishedMs ?? 0) + 1e6 }))),
    'tells the truth about the outcome': withSteps((steps) => steps.map((step) => ({ ...step, outcome: step.outcome === 'forced' ? 'drained' : 'forced', finishedMs: 1e6 }))),
    'leaves no timer armed': (observed) => ({ ...observed, armedAfter: 1 }),
  }
  for (const [name, bug] of Object.entries(bugs)) {
    test(name, async () => {
      const property = properties[name] as (observed: Observed, world: World) => void
      const check = fc.check(
        fc.asyncProperty(world, async (random) => property(bug(await live(random)), random)),
        { numRuns: 200 },
      )
      expect((await check).failed).toBe(true)
    })
  }

  function withSteps(change: (steps: Report['steps']) => Report['steps']): (observed: Observed) => Observed {
    return (observed) => ({ ...observed, report: { ...observed.report, steps: change(observed.report.steps) } })
  }
})
