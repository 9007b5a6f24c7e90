import type { Node } from './graph.ts'

/** When one node may run, in ms after the moment for which the schedule was made. */
export interface Slot {
  readonly reserveMs: number
  readonly forceMs: number
  readonly startMs: number
  readonly latestStartMs: number
  readonly latestFinishMs: number
}

export interface Schedule {
  readonly slots: ReadonlyMap<Node, Slot>
  readonly criticalPathMs: number
  readonly criticalPath: readonly Node[]
  /** What every reserve was multiplied by to fit; 1 when they fit as they are. */
  readonly scale: number
}

/** What is still ahead of a node, in ms: all of it in a plan, less for a step that is already running. */
export interface Length {
  readonly reserveMs: number
  readonly forceMs: number
}

/**
 * The critical path method, with reserves instead of durations.
 *
 * A backward pass gives each node its latest finish: the earliest latest start among the nodes that wait for it;
 * the last ones have the whole budget. A node that is cut at its latest finish therefore leaves every
 * node after it at least its reserve, whatever the others do.
 *
 * @param nodes in an order in which every node follows what it waits for (`buildGraph` gives it)
 */
export function makeSchedule(nodes: readonly Node[], budgetMs: number, lengthOf: (node: Node) => Length = (node) => node): Schedule {
  const lengths = new Map(nodes.map((node) => [node, lengthOf(node)]))
  const total = (node: Node): number => {
    const length = lengths.get(node)
    return length ? length.reserveMs + length.forceMs : 0
  }
  const tails = longestTails(nodes, total)
  const criticalPath = walkCriticalPath(nodes, tails, total)
  const first = criticalPath[0]
  const criticalPathMs = first ? (tails.get(first) ?? 0) : 0
  // Less than nothing is left when the event loop was blocked past a deadline that is moved then.
  const leftMs = Math.max(0, budgetMs)
  const scale = criticalPathMs > leftMs ? leftMs / criticalPathMs : 1

  const starts = earliestStarts(nodes, lengths, scale)
  const slots = new Map<Node, Slot>()
  for (const node of nodes.toReversed()) {
    const length = lengths.get(node) ?? node
    let latestFinishMs = budgetMs
    for (const next of node.after) latestFinishMs = Math.min(latestFinishMs, slots.get(next)?.latestStartMs ?? budgetMs)
    slots.set(node, {
      reserveMs: length.reserveMs * scale,
      forceMs: length.forceMs * scale,
      startMs: starts.get(node) ?? 0,
      latestStartMs: latestFinishMs - total(node) * scale,
      latestFinishMs,
    })
  }
  return { slots, criticalPathMs, criticalPath, scale }
}

/** Longest chain of lengths from each node to the end, the node included. */
function longestTails(nodes: readonly Node[], total: (node: Node) => number): Map<Node, number> {
  const tails = new Map<Node, number>()
  for (const node of nodes.toReversed()) {
    let longest = 0
    for (const next of node.after) longest = Math.max(longest, tails.get(next) ?? 0)
    tails.set(node, total(node) + longest)
  }
  return tails
}

function walkCriticalPath(nodes: readonly Node[], tails: ReadonlyMap<Node, number>, total: (node: Node) => number): Node[] {
  const path: Node[] = []
  // Nodes that wait for nothing in this schedule: in the middle of a stop, what they waited for is over.
  let candidates: readonly Node[] = nodes.filter((node) => !node.before.some((previous) => tails.has(previous)))
  while (candidates.length > 0) {
    const longest = candidates.reduce((best, node) => ((tails.get(node) ?? 0) > (tails.get(best) ?? 0) ? node : best))
    path.push(longest)
    candidates = longest.after
  }
  return path.filter((node, index) => index === 0 || total(node) > 0)
}

/** When each node starts if everything before it uses its reserve and no more. */
function earliestStarts(nodes: readonly Node[], lengths: ReadonlyMap<Node, Length>, scale: number): Map<Node, number> {
  const starts = new Map<Node, number>()
  for (const node of nodes) {
    let startMs = 0
    for (const previous of node.before) {
      const before = starts.get(previous)
      if (before !== undefined) startMs = Math.max(startMs, before + (lengths.get(previous)?.reserveMs ?? 0) * scale)
    }
    starts.set(node, startMs)
  }
  return starts
}
