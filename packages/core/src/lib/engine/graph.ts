import type { Policy } from '../policy.ts'
import { lameDuckStep } from '../report/report.ts'
import { phases, type Phase, type Resource } from '../resource.ts'

/** A registered resource. */
export interface Entry {
  /** As it was when it was added. */
  readonly resource: Resource
  /** See `ResourceCopy`. */
  readonly givenTally: unknown
  readonly needs: readonly Entry[]
}

/** One node of the stop graph. A barrier stands between two phases, so that N resources cost N edges, not N². */
export interface Node {
  readonly kind: 'resource' | 'lame-duck' | 'barrier'
  readonly name: string
  readonly entry: Entry | undefined
  readonly phase: Phase | undefined
  /** Guaranteed to `drain`, and the bound of `force`, in ms: together the node's length on the critical path. */
  readonly reserveMs: number
  readonly forceMs: number
  readonly timeoutMs: number | undefined
  readonly before: Node[]
  readonly after: Node[]
}

/**
 * Which step waits for which, when stopping: the phases one after the other, what needs a resource before the
 * resource, servers after the lame duck. The nodes come in an order in which every node follows what it waits for.
 */
export function buildGraph(entries: readonly Entry[], policy: Policy, lameDuck: { minMs: number; maxMs: number } | undefined): Node[] {
  const nodes = new Map(entries.map((entry) => [entry, resourceNode(entry, policy)]))
  const barriers = connectPhases([...nodes.values()])
  connectNeeds(nodes)
  const all = [...nodes.values(), ...barriers]
  if (lameDuck) all.push(connectLameDuck([...nodes.values()], lameDuck))
  return topologicalOrder(all)
}

/** Whether anything goes on serving during a lame duck. */
export function hasServers(entries: readonly Entry[]): boolean {
  return entries.some((entry) => entry.resource.drainFrom === 'lame-duck-end')
}

/** Index of the phase in the order of stopping. */
export function phaseIndex(phase: Phase): number {
  return phases.indexOf(phase)
}

/** Whether `one` always stops before `other`, whatever needs what. */
export function stopsEarlier(one: Resource, other: Resource): boolean {
  const between = phaseIndex(one.phase) - phaseIndex(other.phase)
  return between < 0 || (between === 0 && one.drainFrom !== 'phase-end' && other.drainFrom === 'phase-end')
}

function resourceNode(entry: Entry, policy: Policy): Node {
  const { resource } = entry
  const defaults = policy.phases[resource.phase]
  const timeoutMs = resource.timeoutMs ?? defaults.timeoutMs
  return {
    kind: 'resource',
    name: resource.name,
    entry,
    phase: resource.phase,
    // Time beyond its own cap would be kept from the others for nothing.
    reserveMs: Math.min(resource.reserveMs ?? defaults.reserveMs, timeoutMs ?? Infinity),
    forceMs: resource.forceMs ?? policy.forceMs,
    timeoutMs,
    before: [],
    after: [],
  }
}

function plainNode(kind: 'lame-duck' | 'barrier', name: string, phase: Phase | undefined, reserveMs: number, timeoutMs?: number): Node {
  return { kind, name, entry: undefined, phase, reserveMs, forceMs: 0, timeoutMs, before: [], after: [] }
}

function connect(earlier: Node, later: Node): void {
  earlier.after.push(later)
  later.before.push(earlier)
}

/** A barrier after each phase, and one before what waits for the end of its own. */
function connectPhases(nodes: readonly Node[]): Node[] {
  const barriers: Node[] = []
  for (const { phase, members } of phases.flatMap((phase) => partsOf(phase, nodes))) {
    if (members.length === 0) continue
    const previous = barriers.at(-1)
    const barrier = plainNode('barrier', `end of ${phase}`, phase, 0)
    for (const node of members) {
      if (previous && node.entry?.resource.drainFrom !== 'signal') connect(previous, node)
      connect(node, barrier)
    }
    if (previous) connect(previous, barrier)
    barriers.push(barrier)
  }
  return barriers
}

function partsOf(phase: Phase, nodes: readonly Node[]): { readonly phase: Phase; readonly members: readonly Node[] }[] {
  const all = nodes.filter((node) => node.phase === phase)
  const isLast = (node: Node): boolean => node.entry?.resource.drainFrom === 'phase-end'
  return [all.filter((node) => !isLast(node)), all.filter(isLast)].map((members) => ({ phase, members }))
}

function connectNeeds(nodes: ReadonlyMap<Entry, Node>): void {
  for (const [entry, node] of nodes) {
    for (const need of entry.needs) {
      const needed = nodes.get(need)
      if (needed) connect(node, needed)
    }
  }
}

function connectLameDuck(nodes: readonly Node[], { minMs, maxMs }: { minMs: number; maxMs: number }): Node {
  const lameDuck = plainNode('lame-duck', lameDuckStep, undefined, minMs, maxMs)
  for (const node of nodes) {
    if (node.entry?.resource.drainFrom === 'lame-duck-end') connect(lameDuck, node)
  }
  return lameDuck
}

function topologicalOrder(nodes: readonly Node[]): Node[] {
  const waiting = new Map(nodes.map((node) => [node, node.before.length]))
  const order = nodes.filter((node) => node.before.length === 0)
  for (const node of order) {
    for (const next of node.after) {
      const left = (waiting.get(next) ?? 0) - 1
      waiting.set(next, left)
      if (left === 0) order.push(next)
    }
  }
  return order
}
