import type { Report } from '@lameduck/core'
import type { OutputLine } from './rehearsal-options.ts'

/**
 * Why a request had no complete good answer:
 * - `refused`: no connection to a replica came about (nothing listened, or no endpoint was left);
 * - `reset-before-headers`: the connection was reset, or closed, before response headers came;
 * - `reset-after-headers`: reset in the middle of the response;
 * - `truncated`: closed in an orderly way, but before the response was complete;
 * - `bad-status`: a complete answer that the client does not accept (by default: outside 200–399);
 * - `timeout`: not complete in time;
 * - `unreadable`: not HTTP;
 * - `failed`: an attempt of a client script threw something else, or the client could not even connect (no port or file was left to it); `detail` says what.
 */
export type LossReason = (typeof lossReasons)[number]

export const lossReasons = ['refused', 'reset-before-headers', 'reset-after-headers', 'truncated', 'bad-status', 'timeout', 'unreadable', 'failed'] as const

/** One request, or one stream, that was lost. `…AtMs` are ms after the rehearsal began. */
export interface Failure {
  readonly kind: 'request' | 'stream'
  readonly reason: LossReason
  /** What the client saw: `read ECONNRESET`, `HTTP 503`. */
  readonly detail: string
  readonly method: string
  readonly path: string
  readonly status: number | undefined
  /** The replica that the connection was routed to. */
  readonly replica: string | undefined
  readonly sentAtMs: number
  readonly lostAtMs: number
  /** `lostAtMs` relative to that replica's SIGTERM: negative is before it; `undefined` when it never got one. */
  readonly afterSignalMs: number | undefined
  /** Whether the connection had carried a request before. */
  readonly reusedConnection: boolean
}

/**
 * How long good answers took, in ms: a request from its call until the last byte was there, an attempt from its call until the work resolved; connecting, or
 * waiting for the connection, is part of it. Attempts with `timeoutMs: 'none'` are left out. 0 when there were none.
 */
export interface Latency {
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface LoadResult {
  /** `ok + lost`; streams are not among them. */
  readonly sent: number
  readonly ok: number
  readonly lost: number
  /** Every lost request and every lost stream, in order. */
  readonly failures: readonly Failure[]
  /** What the script gave to `client.record`, by kind. */
  readonly records: Readonly<Record<string, readonly string[]>>
  readonly latency: Latency
  readonly streams: {
    readonly opened: number
    /** Ended by the server with a complete chunked end. */
    readonly ended: number
    readonly lost: number
    /** Still open when the load ended; the client closed them. */
    readonly openAtEnd: number
  }
}

/** An answer of a probe that differs from the answer before. */
export interface ProbeChange {
  readonly probe: 'readiness' | 'liveness'
  readonly atMs: number
  /** 200–399, as kubelet sees it. */
  readonly ok: boolean
  readonly status: number | undefined
  /** Why there was no answer: `ECONNREFUSED`, `timeout`. */
  readonly error: string | undefined
}

/** How a replica ended. */
export interface ReplicaExit {
  readonly replica: string
  readonly code: number | null
  /**
   * `SIGTERM` means that the program has no handler for it. As PID 1 of a container it would not die of it
   * (the kernel drops a signal that PID 1 leaves to its default) but run until SIGKILL.
   */
  readonly signal: NodeJS.Signals | null
  readonly atMs: number
  /**
   * `running`: by itself, nobody asked · `pre-stop`: during its hook · `terminating`: after SIGTERM ·
   * `end`: the rehearsal was over and killed it.
   */
  readonly during: 'running' | 'pre-stop' | 'terminating' | 'end'
  readonly afterSignalMs: number | undefined
  /** Time that was left until SIGKILL; 0 when it was killed. */
  readonly graceLeftMs: number | undefined
  /** The grace period ended first: SIGKILL. */
  readonly killed: boolean
}

/** What one replica did. */
export interface ReplicaRecord {
  readonly name: string
  readonly generation: 'old' | 'new'
  readonly pid: number
  readonly port: number
  readonly probePort: number
  readonly startedAtMs: number
  readonly readyAtMs: number | undefined
  /** When its endpoint was marked terminating. */
  readonly terminatingAtMs: number | undefined
  /** How its preStop hook went, if it had one. A failed hook delays nothing, as in Kubernetes. */
  readonly preStop: { readonly tookMs: number; readonly error: string | undefined } | undefined
  readonly signalledAtMs: number | undefined
  /** From SIGTERM to SIGKILL: max(least, grace − whole seconds of preStop), in ms. */
  readonly killAfterMs: number | undefined
  readonly exit: ReplicaExit | undefined
  /** Connections that the service routed to it. */
  readonly connections: number
  readonly probes: readonly ProbeChange[]
  /** The last 200 lines. */
  readonly output: readonly OutputLine[]
  /** lameduck's report line from stdout, if it wrote one. */
  readonly report: Report | undefined
}

/** What happened, whole. Times are ms after the rehearsal began. */
export interface Rehearsal {
  readonly seed: number
  readonly tookMs: number
  readonly load: LoadResult
  readonly replicas: readonly ReplicaRecord[]
  /** In the order of the exits, without those whose `during` is `end`. */
  readonly exits: readonly ReplicaExit[]
}
