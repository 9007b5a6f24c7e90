import { clientsOf, idleClientsOf, isInTransaction, isQuerying } from './pg-internals.ts'
import type { PgClientLike, PgPoolClientLike, PgPoolLike } from './pg-types.ts'
import { traceConnect } from './trace-connect.ts'

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
  readonly checkedOut: ReadonlyMap<PgPoolClientLike, Checkout>
}

export interface TrackOptions {
  readonly traceCheckouts: boolean
  readonly onError: ((error: Error) => void) | undefined
}

/** Follows a pool by its events, and listens for the errors that would otherwise end the process. */
export function trackPool(pool: PgPoolLike, { traceCheckouts, onError }: TrackOptions): TrackedPool {
  const open = new Set<PgClientLike>()
  const checkedOut = new Map<PgPoolClientLike, Checkout>()

  const idle = new Set(idleClientsOf(pool))
  for (const client of clientsOf(pool)) {
    adopt(client)
    if (!idle.has(client) && isCheckedOut(client)) checkedOut.set(client, { sinceMs: performance.now() })
  }
  pool.addListener('connect', adopt)
  pool.addListener('acquire', (client: PgPoolClientLike) => {
    adopt(client)
    checkedOut.set(client, { sinceMs: performance.now() })
  })
  pool.addListener('release', (_error: unknown, client: PgPoolClientLike) => checkedOut.delete(client))
  pool.addListener('error', (error: Error) => report(error, pool.listenerCount('error') > 1))
  if (traceCheckouts) {
    traceConnect(pool, (client, takenAt) => {
      const checkout = checkedOut.get(client)
      if (checkout) checkout.takenAt = takenAt
    })
  }
  return { open, checkedOut }

  function adopt(client: PgClientLike): void {
    if (open.has(client)) return
    open.add(client)
    client.addListener('end', () => open.delete(client))
    // pg-pool listens to idle clients only: the error of one that is checked out would be an uncaught exception.
    client.addListener('error', (error: Error) => {
      if (isCheckedOut(client) && checkedOut.has(client)) report(error, client.listenerCount('error') > 1)
    })
  }

  function report(error: Error, isHandled: boolean): void {
    if (onError) onError(error)
    else if (!isHandled) process.emitWarning(`a pg connection was lost: ${error.message}`, 'LameduckPgWarning')
  }
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
  if (isQuerying(client) === true) return 'running a query'
  return isInTransaction(client) === true ? 'idle in a transaction' : 'not released'
}

/** By the backend's process id, which `pg_stat_activity` and the server's log know too. */
export function nameOf(client: PgClientLike): string {
  const processId: unknown = Reflect.get(client, 'processID')
  return typeof processId === 'number' ? `backend ${processId}` : 'connection'
}

function isCheckedOut(client: PgClientLike): client is PgPoolClientLike {
  return 'release' in client && typeof client.release === 'function'
}
