import type { Cause } from './cause.ts'
import type { Listener } from './events.ts'
import type { Policy, PolicyOptions } from './policy.ts'
import type { Reason } from './reason.ts'
import type { Plan, Report } from './report/report.ts'
import type { Resource } from './resource.ts'
import type { Clock } from './clock.ts'
import type { State } from './state.ts'

/** What `add` returns: usable in another resource's `needs`, and able to take the resource out again. */
export interface Handle {
  readonly resource: Resource
  /**
   * Takes the resource out of the plan without stopping it; after a stop has begun it does nothing.
   *
   * @throws LifecycleError `wrong-state` while another resource needs it, and while the lifecycle starts.
   */
  remove(): void
}

/** One resource's answer to `check`. */
export interface CheckResult {
  readonly name: string
  readonly ok: boolean
  readonly tookMs: number
  /** Why not. */
  readonly error?: string
}

export interface AddOptions {
  /** Resources that this one uses: it starts after them and stops before them. */
  readonly needs?: readonly Handle[]
  /**
   * What to do when the resource has died by itself (`Resource.watch`): `tell` (a warning, and the event `resource-ended`), `not-ready`
   * (the service leaves its balancer, too) or `stop` (the service drains and exits). The step of such a resource has failed.
   * @default 'tell'
   */
  readonly whenEnded?: WhenEnded
}

/** What a service does about a resource that has died by itself. */
export type WhenEnded = 'tell' | 'not-ready' | 'stop'

export interface LifecycleOptions {
  /** @default the defaults of {@link Policy}, see there */
  readonly policy?: PolicyOptions
  /** @default the real one */
  readonly clock?: Clock
  /** Where the platform is recognised from. @default process.env */
  readonly env?: NodeJS.ProcessEnv
}

/** A service's life: what it is made of, and how it leaves. */
export interface Lifecycle {
  readonly policy: Policy
  readonly state: State
  /** What a readiness probe must answer. False for ever once a stop has begun. */
  readonly isReady: boolean
  /** Why it is held not-ready by hand or by `preStop`, one text for each hold. */
  readonly heldBecause: readonly string[]
  /** Aborts in the tick in which a stop begins: the moment to stop taking on background work. */
  readonly stopping: AbortSignal
  /** Aborts when the lame duck ends: the moment for long streams to say goodbye. */
  readonly draining: AbortSignal

  /** Registers a resource. Throws on a bad, duplicate, cyclic or late one. */
  add(resource: Resource, options?: AddOptions): Handle
  /** Starts everything in dependency order, then becomes ready. Rejects with what failed, after stopping what had started. */
  start(): Promise<void>
  /** Runs every resource's `check`, or those of the names that `only` accepts, each bounded by `timeoutMs` (default 1000). Never rejects; a bad `timeoutMs` throws. */
  check(options?: { readonly timeoutMs?: number; readonly only?: (name: string) => boolean }): Promise<readonly CheckResult[]>
  /** Not-ready by hand, reversible: returns the function that ends it. It can never undo a real stop. */
  holdNotReady(why: string): () => void
  /**
   * The platform has begun to end this service, and its signal is still to come: what a preStop hook of the kind
   * `httpGet` tells. Not ready from now on, and the time from now on counts against the grace period, whatever the policy's
   * `preStopMs` says. It is no stop: when none follows within 5 s after the hook's answer, or within the grace period and 5 s, somebody else has
   * called the hook. Then readiness comes back, and the grace period is whole again. The end is announced once, however many calls there are.
   *
   * @returns the function to call when the hook has been answered, or given up
   */
  preStop(): () => void
  /**
   * Stops once; later calls get the same promise. Never rejects: what went wrong is in the report. A later reason of the kind `fatal` is an
   * error that came meanwhile, or, with the code `closed` or `cut`, a late use of a resource.
   *
   * Do not await it in a request or a job of the service: the stop waits for that, which waits for the stop, until it is cut.
   */
  stop(reason?: Reason): Promise<Report>
  /** Cuts what is still running, now. Begins the stop if there is none. */
  force(): void
  /**
   * Moves the deadline to `leftMs` from now if that is earlier (a spot notice, a shorter grace found later); never later.
   * Before a stop it is remembered for it, until a grace period after it has passed. `why` becomes the report's `budgetSource`.
   */
  shrinkTo(leftMs: number, why?: string): void
  /** Tells the report what made the platform end the service. Before a stop there is nothing to tell it of. */
  attribute(cause: Cause): void
  /** Says, once, what is wrong around the service, with the fix: a `warning` event, and a line in the report. */
  warn(message: string): void
  /** The schedule that the platform's signal would start, from the ready state. */
  plan(): Plan
  subscribe(listener: Listener): () => void
  [Symbol.asyncDispose](): Promise<void>
}
