import { LifecycleError, requireOptions, show, type Resource } from '@lameduck/core'
import { cutClient } from './cut-client.ts'
import type { DrivenPool } from './driven-pool.ts'
import { followCallers } from './follow-callers.ts'
import { giveBack } from './give-back.ts'
import { clientsOf, idleClientsOf, pendingCallersOf, takeOut, type PendingCaller } from './pg-internals.ts'
import { isPooledClient, type PgClientLike, type PgPoolClientLike, type PgPoolLike } from './pg-types.ts'
import { poolOptionNames, poolResource, type PoolOptions } from './pool-resource.ts'
import { poolWarnings } from './pool-warnings.ts'
import { traceConnect } from './trace-connect.ts'
import { trackPool } from './track-pool.ts'

export interface PgPoolOptions extends PoolOptions {
  /**
   * Called in place of `pool.end()` when nobody uses the pool any longer: for a library that owns it and has to know, such as
   * `() => dataSource.destroy()`. Until it is done the pool serves it. A pool that is not ended then, also when it fails, is ended all the
   * same, so that no connection stays open and no query goes uncounted. Not called when the step is cut.
   * @default () => pool.end()
   */
  readonly end?: () => Promise<unknown> | void
  /**
   * Remember where in the application each connection was taken, and name the place in the report when the step is
   * cut: finds the leak. Replaces `pool.connect` and costs a stack trace per checkout.
   * @default false
   */
  readonly traceCheckouts?: boolean
}

/**
 * A `pg.Pool` as a resource. `drain` waits until no connection is checked out, being opened or waited for, then ends
 * the pool; until then the pool serves everyone, since work that finishes still has to query. `force` cancels what
 * the server is running, destroys every connection and rejects every caller that waits for one.
 *
 * Register it when it is made. The pool stays yours to configure and use; from the registration on, this resource
 * listens to its errors (a lost connection no longer ends the process) and is the one that ends it: do not call
 * `pool.end()` yourself. If you did, that is tolerated.
 *
 * @throws LifecycleError `invalid-resource` when `pool` is not a pool of pg, `invalid-option`
 */
export function pgPool(pool: PgPoolLike, options: PgPoolOptions = {}): Resource {
  requirePool(pool)
  requireOptions(options, { ...poolOptionNames, end: true, traceCheckouts: true }, 'pgPool()')
  const { name = 'pg', onError, traceCheckouts = false, end = () => pool.end() } = options
  const warnings = poolWarnings(pool, onError !== undefined)
  const driven = drivePgPool(pool, end)
  const tracked = trackPool(driven, onError)
  if (traceCheckouts) traceConnect(pool, (client, takenAt) => tracked.setPlace(client, takenAt))
  return poolResource(driven, tracked, warnings, { ...options, name })
}

function drivePgPool(pool: PgPoolLike, end: () => Promise<unknown> | void): DrivenPool {
  let ended: Promise<unknown> | undefined
  let connect = (): Promise<PgPoolClientLike> => pool.connect()
  /** What the readiness check waits for: a place in the queue, or a connection that is being opened. */
  const asides = new Set<PendingCaller | PgClientLike>()
  return {
    pool,
    connect() {
      const known = new Set([...clientsOf(pool), ...(pendingCallersOf(pool) ?? [])])
      const connecting = connect()
      const opening = clientsOf(pool).find((each) => !known.has(each))
      const awaited = opening ?? pendingCallersOf(pool)?.find((each) => !known.has(each))
      if (awaited) asides.add(awaited)
      const forget = (): void => void (awaited && asides.delete(awaited))
      connecting.then(forget, forget)
      return {
        held: connecting.then((client) => ({ client, release: (discard) => client.release(discard) })),
        giveUp(error) {
          if (opening && asides.has(opening) && pool.waitingCount === 0) void cutClient(opening, { errorOf: () => error, cancelMs: 0 })
        },
      }
    },
    clients: () => clientsOf(pool),
    checkedOut() {
      const idle = new Set(idleClientsOf(pool))
      return clientsOf(pool).filter((client) => !idle.has(client) && isPooledClient(client))
    },
    follow(callers) {
      connect = followCallers(pool, callers, (awaited) => asides.has(awaited))
    },
    rejectWaiters(error) {
      // A pool that is ending neither serves nor rejects them: their promises would never settle.
      const waiting = pool.waitingCount === 0 ? [] : pendingCallersOf(pool)?.splice(0)
      for (const { callback } of waiting ?? []) attempt(() => callback(error(), undefined, () => {}))
      return waiting?.length
    },
    async end({ close, goodbye }) {
      ended ??= (async () => end())()
      try {
        await ended
      } finally {
        // It may have failed, have only begun, or know nothing of this pool: what is used on was never seen by this stop.
        await close()
        if (!pool.ending) await pool.end()
        mayEndAgain(pool)
        await goodbye()
      }
    },
    shut() {
      if (!pool.ending) pool.end().catch(() => {})
      mayEndAgain(pool)
    },
    giveBack(client) {
      if (!takeOut(pool, client) && isPooledClient(client)) giveBack(client)
    },
  }
}

/** A callback that throws must not keep the next caller waiting. */
function attempt(action: () => void): void {
  try {
    action()
  } catch {
    // It is the caller's own.
  }
}

/** The owner of the pool (a library, a handler that was left over) may still end it, which pg refuses the second time. */
function mayEndAgain(pool: PgPoolLike): void {
  Reflect.set(pool, 'end', (done?: () => void) => (done ? done() : Promise.resolve()))
}

function requirePool(pool: unknown): void {
  const has = (key: string, type: string): boolean => typeof pool === 'object' && pool !== null && typeof Reflect.get(pool, key) === type
  if (has('totalCount', 'number') && has('waitingCount', 'number') && has('connect', 'function') && has('end', 'function') && has('addListener', 'function')) return
  throw new LifecycleError('invalid-resource', `pgPool() takes a pg.Pool; it was given ${show(pool)}. A single Client goes to pgClient(), a Knex instance to knexPool().`)
}
