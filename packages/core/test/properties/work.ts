import fc from 'fast-check'
import type { Clock } from '../../src/lib/clock.ts'
import type { WhenEnded } from '../../src/lib/lifecycle.ts'
import type { Resource } from '../../src/lib/resource.ts'
import { createTally, type Tally } from '../../src/lib/work/tally.ts'
import type { Action } from './world.ts'

const fates = ['done', 'failed', 'cut', 'refused', 'unknown'] as const
type Fate = (typeof fates)[number]

/** What a `tally()` does that is none, by its kind. */
const lies = {
  throws: () => {
    throw new Error('no tally on purpose')
  },
  'returns nothing': () => undefined,
  'returns a text': () => '3 done',
  'returns a promise': async () => nothing,
  'counts with no number': () => ({ ...nothing, done: NaN }),
  'counts below zero': () => ({ ...nothing, failed: -1 }),
  'counts without end': () => ({ ...nothing, cut: Infinity }),
  'leaves a count out': () => ({ done: 1, failed: 0, cut: 0, unknown: 0, reasons: [] }),
  'has a trap': () => new Proxy(nothing, { get: () => lies.throws() }),
  'has reasons that throw': () => Object.defineProperty({ ...nothing }, 'reasons', { get: () => lies.throws() }),
} satisfies Record<string, () => unknown>

const nothing: Tally = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

/** What becomes of one resource's work. */
export interface Work {
  /** In ms after `start()`: before the stop, during it, or after the step. */
  readonly units: readonly { readonly atMs: number; readonly fate: Fate }[]
  readonly lie: { readonly fromMs: number; readonly toMs: number; readonly how: keyof typeof lies } | undefined
  /** Of a finite job. */
  readonly unfinished: number
  /** What `tally()` does besides, the first time. */
  readonly during: readonly Action[]
}

/** The death of one resource, in ms after `start()` or when its `quiesce` is called, and what the service chose for it. */
export interface Ending {
  readonly at: readonly (number | 'quiesce')[]
  readonly whenEnded: WhenEnded
}

/** What a tally says, or that it cannot be read. */
export type Told = Tally | 'unreadable'

/** One resource's work as it goes on. */
export interface LiveWork {
  readonly members: Pick<Resource, 'tally' | 'unfinished'>
  readonly begin: () => void
  /** What is true now. */
  readonly told: () => Told
}

/** @param act what `during` asks for */
export function liveWork({ units, lie, unfinished, during }: Work, clock: Clock, act: (action: Action) => void): LiveWork {
  const tally = createTally()
  let lying = false
  let left = during
  for (const { atMs, fate } of units) clock.setTimer(() => count(fate), atMs)
  if (lie) {
    clock.setTimer(() => (lying = true), lie.fromMs)
    clock.setTimer(() => (lying = false), lie.toMs)
  }
  return {
    members: {
      tally() {
        const actions = left
        left = []
        for (const action of actions) act(action)
        return lie && lying ? (lies[lie.how]() as Tally) : tally.read()
      },
      ...(unfinished > 0 ? { unfinished: () => unfinished } : {}),
    },
    begin: tally.begin,
    told: () => (lying ? 'unreadable' : tally.read()),
  }

  function count(fate: Fate): void {
    if (fate === 'failed') tally.failed('a query', new Error('no answer'))
    else if (fate === 'refused') tally.refused('a query')
    else if (fate === 'unknown') tally.unknown('a query: connection lost')
    else tally[fate]()
  }
}

const atMs = fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 20_000 }))

/** Most of it is done, or no stop would ever be clean. */
export const work = (action: fc.Arbitrary<Action>): fc.Arbitrary<Work> =>
  fc.record({
    units: fc
      .constantFrom<readonly Fate[]>(['done'], ['done'], ['done', 'refused'], ['done', 'unknown'], ['done', 'failed'], ['done', 'cut'], fates)
      .chain((some) => fc.array(fc.record({ atMs, fate: fc.constantFrom(...some) }), { maxLength: 6 })),
    lie: seldom(fc.record({ fromMs: atMs, lastsMs: atMs, how: fc.constantFrom(...(Object.keys(lies) as (keyof typeof lies)[])) }), undefined).map(
      (lie) => lie && { fromMs: lie.fromMs, toMs: lie.fromMs + lie.lastsMs, how: lie.how },
    ),
    unfinished: seldom(fc.constantFrom(1, 3, Infinity), 0),
    during: seldom(fc.array(action, { minLength: 1, maxLength: 2 }), []),
  })

export const ending: fc.Arbitrary<Ending> = fc.record({
  at: fc.array(fc.oneof(fc.constant<'quiesce'>('quiesce'), fc.integer({ min: 0, max: 1_500 }), atMs), { minLength: 1, maxLength: 2 }),
  whenEnded: fc.constantFrom('tell', 'not-ready', 'stop'),
})

function seldom<T, U>(arbitrary: fc.Arbitrary<T>, otherwise: U): fc.Arbitrary<T | U> {
  return fc.oneof({ arbitrary: fc.constant(otherwise), weight: 6 }, { arbitrary, weight: 1 })
}
