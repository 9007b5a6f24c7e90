import type { Pod } from './pod.ts'

/** The kubelet never sends SIGKILL sooner after the stop signal than this, whatever the grace period (`minimumGracePeriodInSeconds`). */
const shortestKillMs = 2_000

/** A deletion that ran out this long ago is not what ends the container: the kubelet was away, and began with it only now. */
const staleMs = 5_000

/** A timestamp this long after the end of its own grace period contradicts itself; clocks of several API servers differ by less. */
const contradictionMs = 300_000

export interface TimeLeft {
  /** ms until SIGKILL, at least. */
  readonly leftMs: number
  /** What says so, for the report. */
  readonly source: string
}

export interface TimeLeftInput {
  readonly pod: Pod
  /** The `Date` of the answer: the API server's clock, cut to whole seconds; the timestamp comes from the same clock. */
  readonly serverMs: number | undefined
  /** How long ago the stop signal came. The Pod was asked for after that, so the answer's `Date` is no older. */
  readonly sinceSignalMs: number
}

/**
 * How much time is left for certain until SIGKILL; `undefined` when the record does not tell.
 *
 * The rule: the deadline moves earlier only when the evidence is whole, which is a well-formed answer of the API server about the Pod of this name (and of
 * the token's uid, where the token names one) that says that it is being deleted, or that it no longer exists.
 *
 * Where the signal is the first thing that the kubelet does, the whole grace period follows it, and no clock is needed.
 * Else preStop has taken a part that only the timestamp tells. Then every doubt is taken off: the second that `Date` may
 * have been cut by, and the time since the signal. SIGKILL comes after the timestamp, since the kubelet begins later than the deletion.
 */
export function timeLeft({ pod, serverMs, sinceSignalMs }: TimeLeftInput): TimeLeft | undefined {
  const { deletionMs, deletionGraceMs, signalComesFirst } = pod
  if (deletionMs === undefined || contradictsItself(deletionMs, deletionGraceMs, serverMs)) return undefined
  if (signalComesFirst && deletionGraceMs !== undefined) {
    return { leftMs: Math.max(deletionGraceMs, shortestKillMs) - sinceSignalMs, source: "the deletion's grace period" }
  }
  if (serverMs === undefined) return undefined
  const leftMs = deletionMs - serverMs - 1_000 - sinceSignalMs
  if (leftMs < -staleMs) return undefined
  return { leftMs: Math.max(leftMs, shortestKillMs - sinceSignalMs), source: "the Pod's deletionTimestamp" }
}

/** The API server writes its own clock's now and the grace period, and answers later. */
function contradictsItself(deletionMs: number, deletionGraceMs: number | undefined, serverMs: number | undefined): boolean {
  return serverMs !== undefined && deletionGraceMs !== undefined && deletionMs - serverMs > deletionGraceMs + contradictionMs
}

/** What is left when the Pod's object is gone: a deletion by force has no grace period. */
export function timeLeftOfGone(sinceSignalMs: number): TimeLeft {
  return { leftMs: shortestKillMs - sinceSignalMs, source: 'a deletion by force' }
}
