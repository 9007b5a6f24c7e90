import { oneLine } from '@lameduck/core'
import type { CountedPool, DrivenPool } from './driven-pool.ts'
import { followTransactions, hasEnded, isConnecting, isInTransaction, isQuerying } from './pg-internals.ts'
import type { PgClientLike } from './pg-types.ts'

/** What is known of one connection; it lives as long as the connection is open or checked out. */
interface Use {
  isOpen: boolean
  isCheckedOut: boolean
  /** Of the last checkout; monotonic ms. */
  takenMs: number
  /** Where in the application it was taken, if that is traced. */
  takenAt: string | undefined
}

export interface TrackedPool {
  /** Clients whose connection is open. */
  open(): PgClientLike[]
  /** Clients in the hands of the application, the one taken first in front. */
  checkedOut(): { readonly client: PgClientLike; readonly takenMs: number; readonly takenAt: string | undefined }[]
  /** The first error of a client that was lost. */
  lostBy(client: PgClientLike): Error | undefined
  /** Notes where in the application a client was taken. */
  setPlace(client: PgClientLike, takenAt: string): void
}

/** Follows a pool by its events, and listens for the errors that would otherwise end the process. */
export function trackPool(driven: DrivenPool, onError: ((error: Error) => void) | undefined): TrackedPool {
  const { pool } = driven
  const uses = new Map<PgClientLike, Use>()
  const losses = new WeakMap<PgClientLike, Error>()

  for (const client of driven.clients()) adopt(client)
  for (const client of driven.checkedOut()) take(client)
  pool.addListener('connect', (client: PgClientLike) => void adopt(client))
  pool.addListener('acquire', take)
  pool.addListener('release', (_error: unknown, client: PgClientLike) => leave(client))
  pool.addListener('remove', leave)
  pool.addListener('error', (error: Error) => report(error, pool.listenerCount('error') > 1))
  return {
    open: () => [...uses].flatMap(([client, { isOpen }]) => (isOpen ? [client] : [])),
    checkedOut: () =>
      [...uses]
        .flatMap(([client, { isCheckedOut, takenMs, takenAt }]) => (isCheckedOut ? [{ client, takenMs, takenAt }] : []))
        .toSorted((a, b) => a.takenMs - b.takenMs),
    lostBy: (client) => losses.get(client),
    setPlace(client, takenAt) {
      const use = uses.get(client)
      if (use) use.takenAt = takenAt
    },
  }

  function adopt(client: PgClientLike): Use {
    const known = uses.get(client)
    if (known) return known
    const use: Use = { isOpen: !hasEnded(client), isCheckedOut: false, takenMs: 0, takenAt: undefined }
    uses.set(client, use)
    followTransactions(client)
    client.addListener('end', () => {
      use.isOpen = false
      forget(client, use)
    })
    // A pool listens to idle clients only: the error of one that is checked out would be an uncaught exception.
    onLost(client, (error) => {
      losses.set(client, error)
      if (use.isCheckedOut) report(error, client.listenerCount('error') > 1)
    })
    return use
  }

  // This and `leave` are all that a query costs more, so they allocate nothing.
  function take(client: PgClientLike): void {
    const use = uses.get(client) ?? adopt(client)
    use.isCheckedOut = true
    use.takenMs = performance.now()
    use.takenAt = undefined
  }

  function leave(client: PgClientLike): void {
    const use = uses.get(client)
    if (!use) return
    use.isCheckedOut = false
    if (!use.isOpen) forget(client, use)
  }

  function forget(client: PgClientLike, { isOpen, isCheckedOut }: Use): void {
    if (!isOpen && !isCheckedOut) uses.delete(client)
  }

  function report(error: Error, isHandled: boolean): void {
    if (onError) onError(error)
    else if (!isHandled) process.emitWarning(`a pg connection was lost: ${oneLine(error.message)}`, 'LameduckPgWarning')
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
export function describeUse(pool: CountedPool, tracked: TrackedPool): string[] {
  const now = performance.now()
  const lines = tracked.checkedOut().map(({ client, takenMs, takenAt }) => {
    const at = takenAt === undefined ? '' : ` at ${takenAt}`
    return `${nameOf(client)}: ${doingOf(client)}, taken ${((now - takenMs) / 1_000).toFixed(1)} s ago${at}`
  })
  const opening = pool.totalCount - pool.idleCount - lines.length
  if (opening > 0) lines.push(`${opening} ${opening === 1 ? 'connection is' : 'connections are'} being opened`)
  const { waitingCount } = pool
  if (waitingCount > 0) lines.push(`${waitingCount} ${waitingCount === 1 ? 'caller waits' : 'callers wait'} for a connection`)
  return lines
}

/** What the client is doing, as far as pg tells. */
export function doingOf(client: PgClientLike): string {
  if (isConnecting(client)) return 'being opened'
  if (hasEnded(client)) return 'lost, but not released'
  if (isQuerying(client) === true) return 'running a query'
  if (isInTransaction(client) === true) return 'idle in a transaction'
  return client.listenerCount('notification') > 0 ? 'listening; register this client with pgClient()' : 'not released'
}

/** By the backend's process id, which `pg_stat_activity` and the server's log know too. */
export function nameOf(client: PgClientLike): string {
  const processId: unknown = Reflect.get(client, 'processID')
  return typeof processId === 'number' ? `backend ${processId}` : 'connection'
}
