import type { DrivenPool } from './driven-pool.ts'
import { followTransactions, isConnecting, isInTransaction, isQuerying } from './pg-internals.ts'
import type { PgClientLike, PgPoolLike } from './pg-types.ts'

export interface Checkout {
  /** Monotonic ms. */
  readonly sinceMs: number
  /** Where in the application it was taken, if that is traced. */
  takenAt?: string
}

export interface TrackedPool {
  /** Clients whose connection is open. */
  readonly open: ReadonlySet<PgClientLike>
  /** Clients in the hands of the application, the one taken first in front. */
  readonly checkedOut: ReadonlyMap<PgClientLike, Checkout>
  /** Notes where in the application a client was taken. */
  setPlace(client: PgClientLike, takenAt: string): void
}

/** Follows a pool by its events, and listens for the errors that would otherwise end the process. */
export function trackPool(driven: DrivenPool, onError: ((error: Error) => void) | undefined): TrackedPool {
  const { pool } = driven
  const open = new Set<PgClientLike>()
  const checkedOut = new Map<PgClientLike, Checkout>()

  for (const client of driven.clients()) adopt(client)
  for (const client of driven.checkedOut()) checkedOut.set(client, { sinceMs: performance.now() })
  pool.addListener('connect', adopt)
  pool.addListener('acquire', (client: PgClientLike) => {
    adopt(client)
    checkedOut.set(client, { sinceMs: performance.now() })
  })
  pool.addListener('release', (_error: unknown, client: PgClientLike) => checkedOut.delete(client))
  pool.addListener('remove', (client: PgClientLike) => checkedOut.delete(client))
  pool.addListener('error', (error: Error) => report(error, pool.listenerCount('error') > 1))
  return {
    open,
    checkedOut,
    setPlace(client, takenAt) {
      const checkout = checkedOut.get(client)
      if (checkout) checkout.takenAt = takenAt
    },
  }

  function adopt(client: PgClientLike): void {
    if (open.has(client)) return
    open.add(client)
    followTransactions(client)
    client.addListener('end', () => open.delete(client))
    // A pool listens to idle clients only: the error of one that is checked out would be an uncaught exception.
    onLost(client, (error) => {
      if (checkedOut.has(client)) report(error, client.listenerCount('error') > 1)
    })
  }

  function report(error: Error, isHandled: boolean): void {
    if (onError) onError(error)
    else if (!isHandled) process.emitWarning(`a pg connection was lost: ${error.message}`, 'LameduckPgWarning')
  }
}

/** Listens to every error of a client, and passes on the first: pg reports what the server said, and then the end of the connection, too. */
export function onLost(client: PgClientLike, listener: (error: Error) => void): void {
  let isLost = false
  client.addListener('error', (error: Error) => {
    if (!isLost) listener(error)
    isLost = true
  })
}

/** One line per connection in use and one for the queue, in the order in which they began. */
export function describeUse(pool: PgPoolLike, { checkedOut }: TrackedPool): string[] {
  const now = performance.now()
  const lines = [...checkedOut].map(([client, checkout]) => {
    const at = checkout.takenAt === undefined ? '' : ` at ${checkout.takenAt}`
    return `${nameOf(client)}: ${doingOf(client)}, taken ${((now - checkout.sinceMs) / 1_000).toFixed(1)} s ago${at}`
  })
  const opening = pool.totalCount - pool.idleCount - checkedOut.size
  if (opening > 0) lines.push(`${opening} ${opening === 1 ? 'connection is' : 'connections are'} being opened`)
  const { waitingCount } = pool
  if (waitingCount > 0) lines.push(`${waitingCount} ${waitingCount === 1 ? 'caller waits' : 'callers wait'} for a connection`)
  return lines
}

/** What the client is doing, as far as pg tells. */
export function doingOf(client: PgClientLike): string {
  if (isConnecting(client)) return 'being opened'
  if (isQuerying(client) === true) return 'running a query'
  return isInTransaction(client) === true ? 'idle in a transaction' : 'not released'
}

/** By the backend's process id, which `pg_stat_activity` and the server's log know too. */
export function nameOf(client: PgClientLike): string {
  const processId: unknown = Reflect.get(client, 'processID')
  return typeof processId === 'number' ? `backend ${processId}` : 'connection'
}
