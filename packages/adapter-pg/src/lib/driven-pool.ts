import type { LifecycleError } from '@lameduck/core'
import type { PgClientLike, PgPoolLike } from './pg-types.ts'

export type CountedPool = Omit<PgPoolLike, 'connect' | 'query' | 'end'>

/** A connection in the hands of this package. */
export interface Held {
  readonly client: PgClientLike
  /** @param discard throws it away in place of lending it to the next caller */
  release(discard?: boolean): void
}

/** A connection that was asked for, and may still have to be opened. */
export interface Connecting {
  readonly held: Promise<Held>
  /** Ends the opening, unless the connection may become that of somebody else, who waits. */
  giveUp(error: Error): void
}

/** One who asked for a connection. */
export interface Caller {
  readonly got: (client: PgClientLike) => void
  readonly failed: (error: unknown) => void
}

/** Hears of everyone who asks for a connection. */
export interface Callers {
  readonly asks: () => Caller
  /** The error to refuse one with, if he is to be refused. */
  readonly refusal: (what: string) => LifecycleError | undefined
}

/** What goes with the end of a pool. */
export interface Ending {
  /** Refuses callers from now on, and resolves when nobody has anything in hand. */
  readonly close: () => Promise<void>
  /** Resolves when the sockets have closed, or have been closed. */
  readonly goodbye: () => Promise<void>
}

/** A pool, whoever made it, with what `drain` and `force` do to it. */
export interface DrivenPool {
  /** Its counters and events. */
  readonly pool: CountedPool
  /** Takes a connection for the readiness check, which `follow` does not tell of. */
  connect(): Connecting
  /** Every client that exists, those that are still connecting included. */
  clients(): readonly PgClientLike[]
  /** Clients in the hands of the application. */
  checkedOut(): readonly PgClientLike[]
  /** From now on `callers` hears of everyone who asks for a connection, of those who are waiting for one, too. Costs nothing before. */
  follow(callers: Callers): void
  /** Rejects everyone who waits for a connection; how many there were, `undefined` if they could not be reached. */
  rejectWaiters(error: () => Error): number | undefined
  /** Ends a pool that nobody uses, in order, whatever its owner leaves open. */
  end(ending: Ending): Promise<void>
  /** From now on nobody gets a connection, and one that comes back is closed. */
  shut(): void
  /** Takes back a client that has been cut. The application's own release, which may still come, then changes nothing. */
  giveBack(client: PgClientLike): void
}
