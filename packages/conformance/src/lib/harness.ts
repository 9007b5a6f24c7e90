import type { Resource } from '@lameduck/core'

/** One resource under test, new and not started, with whatever the harness needs to act on it. */
export interface Subject {
  readonly resource: Resource
}

/** One unit of work that is in flight until `finish` lets it end. */
export interface Work {
  /**
   * How the work ended, as its caller saw it: `'finished'`, or the caller's Error (`'failed'` where `callers` are not `'here'`). Never
   * rejects, and must not be `'finished'` before `finish` was called: only that, or the resource being cut, ends it.
   */
  readonly outcome: PromiseLike<'finished' | 'failed' | Error>
  /** Lets the work end. Safe to call when it has ended. */
  finish(): Promise<void> | void
}

/** What a dependent does with the resource for work that it has taken before: commits an offset, acknowledges a message. */
export interface Acknowledgement {
  /** Settles as the dependent's call does. */
  readonly answer: PromiseLike<unknown>
  /** Whether the peer has it. */
  readonly arrived: () => Promise<boolean> | boolean
}

/** The optional members of a Resource that have checks of their own. */
export type OptionalMember = 'start' | 'check' | 'preStop' | 'watch' | 'quiesce' | 'inFlight' | 'waitingFor' | 'lastArrival' | 'tally' | 'unfinished' | 'force'

/**
 * What the suite needs to know of a resource, and to do with it. A function that is missing means that the resource
 * cannot be in that situation (a timer has no server to freeze); its checks are then reported as not applicable.
 *
 * Helpers of its own (a server, a second client) must be open when `create` resolves and stay open until `dispose`:
 * what is opened in between counts as the resource's.
 */
export interface Harness<S extends Subject> {
  /** Every optional member that the resource has; a difference is a failure. */
  readonly members: readonly OptionalMember[]
  /** A new subject, isolated from every other; it must not have started or connected yet. */
  create(): Promise<S> | S
  /** Releases everything that `create` and the other functions opened, in every state. Runs after each check. */
  dispose(subject: S): Promise<void> | void

  /** Makes it usable beyond what its `start` does: opens the client's connection. Called after `start`. */
  open?(subject: S): Promise<void> | void
  /** Puts one unit of work in flight; resolves when it is. Called a second time before the first has ended, unless `atOnce` is 1. */
  busy?(subject: S): Promise<Work> | Work
  /** How many units of work may be in flight at once. 1: a consumer that takes one after the other. @default 2 */
  readonly atOnce?: 1 | 2
  /** What `inFlight()` must be with so many units of `busy` in flight: a child process is 1, whatever it works on. @default units */
  counts?(units: number): number
  /**
   * What becomes of work that is offered after `quiesce`: servers and consumers refuse it; pools and clients go on
   * serving until they drain, since others still need them. Belongs to `offer`.
   */
  readonly afterQuiesce?: 'refuses' | 'serves'
  /** Offers one short unit of work, in every state; resolves with whether it was done, or with the caller's Error where `callers` are `'here'`. */
  offer?(subject: S): Promise<boolean | Error>
  /**
   * Where the callers of `busy` and `offer` are. `'here'`: they call a client in this process, so that `outcome` and `offer` tell
   * the Error that a caller gets. @default 'elsewhere'
   */
  readonly callers?: 'here' | 'elsewhere'
  /** Makes all work fail that is in flight, without an answer to it: cuts its connection, throws in its handler. Resolves when the resource has seen it. */
  fail?(subject: S): Promise<void> | void
  /** Acknowledges one more piece of work that was taken while nothing had stopped (in `open`); called in every state. */
  acknowledge?(subject: S): Promise<Acknowledgement> | Acknowledgement
  /** Stops the peer from answering, without closing anything (SIGSTOP, or `freeze` of a `tcpLink`). May be called before `open`. */
  freeze?(subject: S): Promise<void> | void
  /** Ends what `freeze` began. Required beside it. */
  thaw?(subject: S): Promise<void> | void
  /** Ends the peer for good, closing its side of every connection (SIGKILL); resolves when the subject's side has seen it. */
  kill?(subject: S): Promise<void> | void
  /** Closes the connections of this subject while the peer stays there, so that who reconnects comes back; resolves with how many there were. */
  drop?(subject: S): Promise<number> | number
  /** Makes the resource die for good, so that nothing of its own brings it back; resolves when it has. */
  end?(subject: S): Promise<void> | void
  /** How many connections of this subject its peer holds open. */
  connections?(subject: S): Promise<number> | number
}
