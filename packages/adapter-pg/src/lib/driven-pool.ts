import type { PgClientLike, PgPoolClientLike, PgPoolLike } from './pg-types.ts'

export type CountedPool = Omit<PgPoolLike, 'connect' | 'end'>

/** A connection that was asked for, and may still have to be opened. */
export interface Connecting {
  readonly client: Promise<PgPoolClientLike>
  /** Ends the opening, unless the connection may become that of somebody else, who waits. */
  giveUp(error: Error): void
}

/** A pool, whoever made it, with what `drain` and `force` do to it. */
export interface DrivenPool {
  /** Its counters and events. */
  readonly pool: CountedPool
  /** Takes a connection for the readiness check. */
  connect(): Connecting
  /** Every client that exists, those that are still connecting included. */
  clients(): readonly PgClientLike[]
  /** Clients in the hands of the application. */
  checkedOut(): readonly PgClientLike[]
  /** Rejects everyone who waits for a connection; how many there were, `undefined` if they could not be reached. */
  rejectWaiters(why: string): number | undefined
  /** Ends a pool that nobody uses, in order. `goodbye` resolves when its sockets have closed, or have been closed. */
  end(goodbye: () => Promise<void>): Promise<void>
  /** From now on nobody gets a connection, and one that comes back is closed. */
  shut(why: string): void
  /** Takes back a client that has been cut. The application's own release, which may still come, then changes nothing. */
  giveBack(client: PgClientLike): void
}
