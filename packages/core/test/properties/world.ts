import fc from 'fast-check'
import { phases, type Phase, type Resource } from '../../src/lib/resource.ts'
import type { ScriptedMethod } from '../../src/lib/testing/scripted-resource.ts'
import { ending, work, type Ending, type Work } from './work.ts'

/** What code that the engine calls may do to the engine. */
export type Action =
  | { readonly do: 'stop' }
  | { readonly do: 'force' }
  | { readonly do: 'shrink'; readonly leftMs: number }
  | { readonly do: 'add' }
  | { readonly do: 'remove'; readonly index: number }
  | { readonly do: 'block'; readonly ms: number }
  | { readonly do: 'throw' }

/** One resource. */
export interface Part {
  readonly phase: Phase
  readonly drainFrom: 'phase' | 'lame-duck-end' | 'phase-end' | 'signal'
  readonly reserveMs: number
  readonly timeoutMs: number | undefined
  readonly forceMs: number
  readonly startTakesMs: number
  readonly drainTakesMs: number
  readonly forceTakesMs: number
  readonly hasForce: boolean
  readonly ignoresAbort: boolean
  /** Monotonic ms at which work arrives; `undefined`: cannot tell. */
  readonly arrivals: readonly number[] | undefined
  /** Indexes of earlier parts, taken modulo their number. */
  readonly needs: readonly number[]
  readonly during: Readonly<Record<ScriptedMethod, readonly Action[]>>
  /** `undefined`: nobody counts it. */
  readonly work: Work | undefined
  /** `undefined`: it never dies by itself. */
  readonly ending: Ending | undefined
}

/** One service with its stop, as plain data: what fast-check makes smaller when a property fails. */
export interface World {
  readonly parts: readonly Part[]
  readonly graceMs: number
  readonly lameDuck: { readonly minMs: number; readonly quietMs: number; readonly maxMs: number }
  readonly reason: 'SIGTERM' | 'Ctrl-C' | 'fatal' | 'programmatic'
  /** From `start()` to the stop, in ms. */
  readonly stopAfterMs: number
  /** `later`: in the next microtask, as an async listener does. */
  readonly listeners: readonly { readonly on: string; readonly later: boolean; readonly action: Action }[]
  /** What happens from outside, in ms after `start()`. */
  readonly timeline: readonly { readonly atMs: number; readonly action: Action }[]
}

const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max })
const rarely = <T, U>(arbitrary: fc.Arbitrary<T>, otherwise: U, weight: number = 5): fc.Arbitrary<T | U> =>
  fc.oneof({ arbitrary: fc.constant(otherwise), weight }, { arbitrary, weight: 1 })

const harmless: fc.Arbitrary<Action> = fc.oneof(
  fc.constant<Action>({ do: 'stop' }),
  fc.constant<Action>({ do: 'add' }),
  fc.record({ do: fc.constant('remove' as const), index: fc.nat(8) }),
)
const shrink: fc.Arbitrary<Action> = fc.record({ do: fc.constant('shrink' as const), leftMs: fc.oneof(upTo(2_000), upTo(20_000)) })
const block: fc.Arbitrary<Action> = fc.record({ do: fc.constant('block' as const), ms: fc.oneof(upTo(300), upTo(9_000)) })
const force: fc.Arbitrary<Action> = fc.constant<Action>({ do: 'force' })

/** A property that holds unless something was forced or blocked needs worlds without. */
const temperaments = {
  calm: harmless,
  shrinking: fc.oneof(harmless, { arbitrary: shrink, weight: 3 }),
  blocking: fc.oneof(harmless, { arbitrary: block, weight: 2 }),
  wild: fc.oneof(harmless, { arbitrary: shrink, weight: 2 }, { arbitrary: block, weight: 2 }, force),
}

/** `step-finished` twice, for what a step leaves behind is where an engine forgets something. */
const eventTypes = [
  'readiness-changed', 'state-changed', 'stop-begun', 'stop-repeated', 'lame-duck-ended',
  'step-started', 'step-overran', 'step-finished', 'step-finished', 'deadline-shrunk', 'resource-ended',
]

const anyWorld: fc.Arbitrary<World> = fc.constantFrom(...Object.values(temperaments)).chain((action) =>
  fc.record({
    parts: fc.array(part(action), { minLength: 1, maxLength: 9 }),
    graceMs: fc.integer({ min: 1_500, max: 40_000 }),
    lameDuck: fc
      .record({ minMs: upTo(4_000), quietMs: upTo(1_500), extraMs: upTo(4_000) })
      .map(({ minMs, quietMs, extraMs }) => ({ minMs, quietMs, maxMs: minMs + extraMs })),
    reason: fc.constantFrom('SIGTERM', 'SIGTERM', 'SIGTERM', 'Ctrl-C', 'fatal', 'programmatic'),
    stopAfterMs: fc.oneof(fc.constant(0), upTo(1_500)),
    listeners: rarely(fc.array(fc.record({ on: fc.constantFrom(...eventTypes), later: fc.boolean(), action }), { maxLength: 3 }), [], 2),
    timeline: fc.oneof(fc.constant([]), fc.array(fc.record({ atMs: upTo(12_000), action }), { maxLength: 4 })),
  }),
)

/** Random services of up to nine resources, and some of them in a good mood: most others are forced, whatever their work. */
export const world: fc.Arbitrary<World> = fc.oneof({ arbitrary: anyWorld, weight: 2 }, { arbitrary: anyWorld.map(gentle), weight: 1 })

/** The same service, with nothing wrong but with its work. */
function gentle(world: World): World {
  const during = { start: [], quiesce: [], drain: [], force: [] }
  const parts = world.parts.map((each) => ({ ...each, during, startTakesMs: 0, drainTakesMs: each.drainTakesMs <= 4_000 ? each.drainTakesMs / 8 : 0, timeoutMs: undefined }))
  return { ...world, parts, graceMs: world.graceMs + 20_000, reason: 'SIGTERM', listeners: [], timeline: [] }
}

function part(action: fc.Arbitrary<Action>): fc.Arbitrary<Part> {
  const actions = rarely(fc.array(action, { minLength: 1, maxLength: 2 }), [])
  const failing = fc.oneof({ arbitrary: actions, weight: 7 }, { arbitrary: fc.constant<Action[]>([{ do: 'throw' }]), weight: 1 })
  return fc.record({
    phase: fc.constantFrom(...phases),
    drainFrom: fc.constantFrom('phase', 'phase', 'lame-duck-end', 'phase-end', 'signal'),
    reserveMs: upTo(3_000),
    timeoutMs: fc.option(fc.integer({ min: 1, max: 8_000 }), { nil: undefined }),
    forceMs: fc.oneof(fc.constant(100), upTo(1_000)),
    startTakesMs: rarely(fc.oneof(upTo(400), fc.constant(Infinity), fc.constant(6_000)), 0, 15),
    drainTakesMs: fc.oneof(fc.constant(0), upTo(4_000), fc.constant(Infinity), fc.constant(60_000)),
    forceTakesMs: fc.oneof(fc.constant(0), upTo(1_200), fc.constant(Infinity)),
    hasForce: fc.oneof({ arbitrary: fc.constant(true), weight: 4 }, { arbitrary: fc.constant(false), weight: 1 }),
    ignoresAbort: fc.boolean(),
    arrivals: fc.option(fc.array(upTo(9_000), { maxLength: 8 }), { nil: undefined }),
    needs: fc.array(fc.nat(20), { maxLength: 3 }),
    during: fc.record({ start: rarely(failing, [], 20), quiesce: failing, drain: failing, force: failing }),
    work: rarely(work(action), undefined, 2),
    ending: rarely(ending, undefined, 12),
  })
}

/** Where in the order of the phases: what waits for the end of its own comes between two. */
export function placeOf({ phase, drainFrom }: Pick<Resource, 'phase' | 'drainFrom'>): number {
  return phases.indexOf(phase) + (drainFrom === 'phase-end' ? 0.5 : 0)
}
