import { lameDuckStep } from '../../src/lib/report/report.ts'
import { fatalMs, marginMs, type Moment, type Observed } from './live.ts'
import { placeOf, type World } from './world.ts'

/** What the engine owes to every step from one moment on. All times are monotonic ms, as the moments have them. */
export interface Promised {
  /** Index of the moment from which it counts. */
  readonly from: number
  readonly atMs: number
  readonly deadline: number
  readonly scale: number
  readonly latestStart: ReadonlyMap<string, number>
  readonly latestFinish: ReadonlyMap<string, number>
  /** Left for `drain` and for `force`, scaled; less than declared for a step that was running. */
  readonly reserveMs: ReadonlyMap<string, number>
  readonly forceMs: ReadonlyMap<string, number>
}

/** What one step waits for, by name; the lame duck among them. */
export type Edges = ReadonlyMap<string, readonly string[]>

interface Length {
  readonly reserveMs: number
  readonly forceMs: number
}

/** The edges as the documentation has them, pair by pair. */
export function edgesOf({ registered, needs }: Observed, hasLameDuck: boolean): Edges {
  const edges = new Map<string, string[]>(hasLameDuck ? [[lameDuckStep, []]] : [])
  for (const [name, part] of registered) {
    const before: string[] = []
    for (const [other, theirs] of registered) {
      const isEarlier = placeOf(theirs) < placeOf(part)
      if ((part.drainFrom !== 'signal' && isEarlier) || needs.get(other)?.includes(name)) before.push(other)
    }
    if (hasLameDuck && part.drainFrom === 'lame-duck-end') before.push(lameDuckStep)
    edges.set(name, before)
  }
  return edges
}

/** A lame duck is for clients that the platform leads elsewhere: only when it was ready, and with a server. */
export function owesLameDuck({ moments, registered }: Observed, { lameDuck }: World): boolean {
  const states = moments.flatMap((moment) => ('event' in moment && moment.event.type === 'state-changed' ? [moment.event.state] : []))
  const stop = states.find((state) => 'reason' in state)
  const asked = stop?.reason.kind === 'programmatic' || (stop?.reason.kind === 'signal' && !stop.reason.interactive)
  return asked && states[0]?.name === 'ready' && lameDuck.maxMs > 0 && [...registered.values()].some((part) => part.drainFrom === 'lame-duck-end')
}

/**
 * The promises of the first tick and of every shrink, reckoned again from the world and from what happened: a longest
 * path by recursion over the pairs, where the engine makes passes over a graph with barriers.
 */
export function promisesOf(observed: Observed, world: World, edges: Edges): Promised[] {
  const { moments, registered } = observed
  const begin = moments.findIndex((moment) => 'event' in moment && moment.event.type === 'state-changed' && 'deadline' in moment.event.state)
  const first = moments[begin]
  if (!first || !('event' in first) || first.event.type !== 'state-changed' || !('reason' in first.event.state)) return []
  const begunAt = first.atMs
  const shrinks = moments.flatMap((moment, index) => {
    if (!('mark' in moment) || moment.mark !== 'shrink') return []
    const deadline = moment.deadline ?? 0
    // What was announced and had not come by a grace period later was withdrawn.
    return index < begin && begunAt > deadline + world.graceMs ? [] : [{ index, deadline }]
  })
  const asked = (until: number): number[] => shrinks.filter(({ index }) => index < until).map(({ deadline }) => deadline)
  const budgetMs = Math.max(0, world.graceMs - marginMs)
  const budget = first.event.state.reason.kind === 'fatal' ? Math.min(fatalMs, budgetMs) : budgetMs
  const earliest = (until: number): number => Math.max(begunAt, Math.min(begunAt + budget, ...asked(until)))

  const declared = (name: string): Length => {
    const part = registered.get(name)
    return part ? { reserveMs: Math.min(part.reserveMs, part.timeoutMs ?? Infinity), forceMs: part.forceMs } : { reserveMs: world.lameDuck.minMs, forceMs: 0 }
  }
  const promises = [promise(edges, begin, begunAt, earliest(begin), declared)]
  const run = moments.findIndex((moment) => 'mark' in moment && moment.mark === 'run')
  for (const [index, moment] of moments.entries()) {
    // What was asked for in the first tick counts from its end.
    if (!('mark' in moment) || index < run || (index !== run && moment.mark !== 'shrunk')) continue
    const before = promises.at(-1) as Promised
    const deadline = earliest(index)
    if (deadline >= before.deadline) continue
    const over = new Set(moments.slice(0, index).flatMap((each) => overStep(each)))
    const left = new Map([...edges].filter(([name]) => !over.has(name)))
    promises.push(promise(left, index, moment.atMs, deadline, (name) => whatIsLeft(moments, index, name, declared(name), promises)))
  }
  return promises
}

function overStep(moment: Moment): string[] {
  if (!('event' in moment)) return []
  if (moment.event.type === 'lame-duck-ended') return [lameDuckStep]
  return moment.event.type === 'step-finished' ? [moment.event.step.name] : []
}

function whatIsLeft(moments: readonly Moment[], index: number, name: string, declared: Length, promises: readonly Promised[]): Length {
  const nowMs = moments[index]?.atMs ?? 0
  const find = (is: (moment: Moment) => boolean): number => moments.slice(0, index).findIndex(is)
  const started = find((each) => 'event' in each && each.event.type === 'step-started' && each.event.name === name)
  const startedAt = name === lameDuckStep ? lameDuckStartOf(moments) : moments[started]?.atMs
  if (startedAt === undefined) return declared
  const overran = find((each) => 'event' in each && each.event.type === 'step-overran' && each.event.name === name)
  const cut = overran < 0 ? find((each) => 'call' in each && each.call === 'aborted' && each.name === name) : overran
  if (cut < 0) return { reserveMs: Math.max(0, declared.reserveMs - (nowMs - startedAt)), forceMs: declared.forceMs }
  return { reserveMs: 0, forceMs: Math.max(0, forceEndOf(name, started, cut, moments[cut]?.atMs ?? 0, promises) - nowMs) }
}

/** Monotonic ms until which a `force` is waited for: a bound never grows, neither before the cut nor after. */
export function forceEndOf(name: string, started: number, cut: number, cutAt: number, promises: readonly Promised[]): number {
  const atStart = promises.findLastIndex((each) => each.from <= started)
  const since = promises.slice(Math.max(0, atStart))
  const bounds = since.filter((each) => each.from <= cut || each === since[0]).map((each) => each.forceMs.get(name) ?? Infinity)
  return Math.min(cutAt + Math.min(...bounds), ...since.filter((each) => each.from > cut).map((each) => each.atMs + (each.forceMs.get(name) ?? Infinity)))
}

/** No event tells it: it is the signal, or a little later when a listener blocked in the first tick. */
export function lameDuckStartOf(moments: readonly Moment[]): number | undefined {
  const told = moments.find((moment) => 'event' in moment && moment.event.type === 'step-finished' && moment.event.step.name === lameDuckStep)
  const begun = moments.find((moment) => 'event' in moment && moment.event.type === 'state-changed' && 'deadline' in moment.event.state)
  return begun && told && 'event' in told && told.event.type === 'step-finished' ? begun.atMs + (told.event.step.startedMs ?? 0) : begun?.atMs
}

function promise(edges: Edges, from: number, atMs: number, deadline: number, lengthOf: (name: string) => Length): Promised {
  const lengths = new Map([...edges.keys()].map((name) => [name, lengthOf(name)]))
  const after = new Map([...edges.keys()].map((name) => [name, [...edges].filter(([, before]) => before.includes(name)).map(([later]) => later)]))
  const totalOf = (name: string): number => (lengths.get(name)?.reserveMs ?? 0) + (lengths.get(name)?.forceMs ?? 0)
  const tails = new Map<string, number>()
  const tail = (name: string): number => {
    const known = tails.get(name)
    if (known !== undefined) return known
    const length = totalOf(name) + Math.max(0, ...(after.get(name) ?? []).map(tail))
    tails.set(name, length)
    return length
  }
  const longest = Math.max(0, ...[...edges.keys()].map(tail))
  const leftMs = Math.max(0, deadline - atMs)
  const scale = longest > leftMs ? leftMs / longest : 1
  // Every chain is scaled by the same factor, so the latest start is a tail away from the deadline.
  const latestStart = new Map([...tails].map(([name, length]) => [name, deadline - length * scale]))
  return {
    from,
    atMs,
    deadline,
    scale,
    latestStart,
    latestFinish: new Map([...latestStart].map(([name, start]) => [name, start + totalOf(name) * scale])),
    reserveMs: new Map([...lengths].map(([name, { reserveMs }]) => [name, reserveMs * scale])),
    forceMs: new Map([...lengths].map(([name, { forceMs }]) => [name, forceMs * scale])),
  }
}
