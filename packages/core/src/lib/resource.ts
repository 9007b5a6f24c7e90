import type { Reason } from './reason.ts'
import type { Tally } from './work/tally.ts'

/** The phases in the order in which they stop; the default order between resources that declare nothing. */
export const phases = ['intake', 'work', 'producers', 'connections', 'telemetry'] as const

/**
 * When a resource stops, relative to the others:
 * `intake` (servers, consumers) · `work` (jobs, timers) · `producers` (publishers, outboxes) ·
 * `connections` (pools, caches) · `telemetry` (traces, metrics, logs).
 */
export type Phase = (typeof phases)[number]

/** Given to `start` and `check`. */
export interface StartContext {
  /** Aborts when a stop begins while the resource is still starting. */
  readonly signal: AbortSignal
}

/** Given to `quiesce`, in the tick in which the stop begins. */
export interface QuiesceContext {
  readonly reason: Reason
  /** Monotonic milliseconds (`performance.now()`) by which the process will be gone. */
  readonly deadline: number
}

/** Given to `drain`. */
export interface DrainContext extends QuiesceContext {
  /** Monotonic milliseconds at which this step is cut, if it is still running: `signal` aborts, then `force` is called. */
  readonly deadline: number
  /** Milliseconds left until `deadline`, never negative. */
  readonly remaining: () => number
  /** Aborts at `deadline`, or earlier when the whole stop is forced. `drain` must settle soon after. */
  readonly signal: AbortSignal
}

/** Given to `force`. */
export interface ForceContext {
  readonly reason: Reason
  /** Milliseconds until the engine stops waiting for `force` itself. */
  readonly boundMs: number
}

/**
 * The one adapter interface. Servers, pools, consumers, timers: all are Resources.
 *
 * `drain` and `force` must be separate paths: a client's "close harder" call usually does nothing once its
 * soft close is pending, so `force` may never await `drain`. Both may be called more than once, and `force`
 * in every state: never started, idle, busy, frozen, dead.
 */
export interface Resource {
  /** Unique in one lifecycle; used in the plan, the events and the report. */
  readonly name: string
  readonly phase: Phase
  /**
   * From when `drain` runs:
   * - `phase` (default): when the earlier phases and everything that needs this resource have stopped;
   * - `lame-duck-end`: like `phase`, but not before the lame duck ends (servers, which go on serving during it);
   * - `phase-end`: when everything else of its phase has stopped as well (what closes down a whole framework);
   * - `signal`: at once, beside the lame duck and whatever the phase (release a lease, flush an offset); where something needs it,
   *   as soon as that has stopped. The later phases wait for it.
   * @default 'phase'
   */
  readonly drainFrom?: 'phase' | 'lame-duck-end' | 'phase-end' | 'signal'
  /** Longest time that `drain` may take, in ms. @default the policy's value for the phase */
  readonly timeoutMs?: number
  /** Time that is guaranteed to `drain` whatever the other resources do, in ms. @default the policy's value for the phase */
  readonly reserveMs?: number
  /** Longest time that `force` may take, in ms. @default the policy's `forceMs` (100) */
  readonly forceMs?: number
  /** What is wrong with how this resource was configured, each with the fix; shown by `plan()` and as events at start. Read each time, so that it may be a getter. */
  readonly warnings?: readonly string[]

  /** Make it usable. Resolves when it is; rejecting aborts the start of the service. */
  start?(context: StartContext): Promise<void> | void
  /**
   * Cheap readiness check: throws or rejects when not usable. Never part of liveness. `signal` aborts when the time
   * for it is over: 5 s after a start, else what `lifecycle.check` was given. Settle then: one that does not counts as failing
   * and is not called again before it has settled, or for 30 s.
   */
  check?(context: StartContext): Promise<void> | void
  /**
   * The platform has announced the end of this service (`lifecycle.preStop()`), or it turns out that it has not: ask clients to go
   * elsewhere while serving them, or no longer. It is no stop, and none may follow; one that does calls `quiesce`. Must return at once.
   */
  preStop?(announced: boolean): void
  /**
   * Called once, when the resource is added. Call `ended` when it has died for good and nothing of its own brings it back (a consumer that
   * gave up, a worker that crashed): the service is told, and does what it chose by `whenEnded`. Call `warn` for what is wrong with how it is
   * used, as soon as that is seen: each text is a warning once. During a stop both change nothing.
   */
  watch?(ended: (why: unknown) => void, warn?: (message: string) => void): void
  /** Refuse new work from now on. Called for every resource in the tick of the signal; must return at once. Where it returns a promise all the same, its step waits for that. */
  quiesce?(context: QuiesceContext): void
  /**
   * How many units (requests, messages, checked-out connections) are being worked on right now. Must be 0 within 10 ms when `drain` has
   * resolved: units that it leaves behind, and that `tally` has not as `cut` or `unknown`, make the step `unknown`. Asked again at the end of
   * the stop: where it is 0 then, and what has closed meanwhile counts late calls, the step is drained, with a warning. Units that
   * came after the step, and are in flight at the end, make it `unknown`.
   */
  inFlight?(): number
  /** Monotonic ms (`performance.now()`) of the newest arrival of work since `quiesce`; ends the lame duck early when it is long ago. */
  lastArrival?(): number | undefined
  /**
   * Of a server: what makes it look as if a balancer led clients to it, in a few words (`requests with X-Forwarded-For`). Then a lame duck
   * of 0 that nobody has chosen is a warning in the plan.
   */
  behind?(): string | undefined
  /** What is still being waited for, oldest first, one short text each (`GET /orders 1.2 s`); the first 20 are in the report of a step that was forced, or whose drain left work in flight. Asked also where `start` takes longer than 5 s, or can never end. */
  waitingFor?(): readonly string[]
  /**
   * What became of the work since `quiesce`; see `createTally`. Work that `failed` makes the step fail, work that was `cut` makes it forced,
   * and `unknown` makes it unknown. Read twice: when the step is over, and when all steps are. The report has the larger of each count, so
   * what comes after the step (a call that is refused, a send that fails) is in it; the event `step-finished` has the first.
   */
  tally?(): Tally
  /**
   * How many units of a finite job are still to be done; read when the step is over. Above 0, a stop that went well has the
   * result `interrupted` and its exit code, so that a Kubernetes Job runs again. A service has none.
   */
  unfinished?(): number
  /**
   * Finish what is in flight, then release. Must settle soon after `signal` aborts, and at once after `force`. Where there is no `inFlight`
   * and no `tally`, its end is all that is known: one that returns before the work is done is called drained.
   */
  drain(context: DrainContext): Promise<void> | void
  /** The other path: cut, cancel, destroy. Bounded to tens of milliseconds, never awaits `drain`. */
  force?(context: ForceContext): Promise<void> | void
}
