import { EventEmitter } from 'node:events'
import { LifecycleError, requireOptions, show, type Resource } from '@lameduck/core'
import { cutClient } from './cut-client.ts'
import type { CountedPool, DrivenPool } from './driven-pool.ts'
import { followAcquires } from './follow-acquires.ts'
import { knexClientOf, markUnusable, watchClients, type KnexClient, type PendingAcquire, type TarnPool } from './knex-internals.ts'
import type { PgClientLike } from './pg-types.ts'
import { poolOptionNames, poolResource, type PoolOptions } from './pool-resource.ts'
import { onLost, trackPool } from './track-pool.ts'

/** The subset of a Knex instance that this package needs; the rest it finds in `client`, which Knex leaves untyped. */
export interface KnexLike {
  readonly client: unknown
  destroy(): Promise<unknown>
}

export type KnexPoolOptions = PoolOptions

/**
 * A Knex instance over pg, with the pool that Knex makes itself, as a resource; the dialects `pg`, `cockroachdb` and
 * `redshift`. `drain` waits until no connection is in use or waited for, then calls `knex.destroy()`. `force` does to its
 * connections and to who waits for one what it does to those of a `pg.Pool`.
 *
 * Register it when it is made, and do not call `knex.destroy()` yourself.
 *
 * @throws LifecycleError `invalid-resource` when `knex` is no such instance, has been destroyed, or was given a `connectionPool`; `invalid-option`
 */
export function knexPool(knex: KnexLike, options: KnexPoolOptions = {}): Resource {
  const client = knexClientOf(knex)
  if (!client) {
    throw new LifecycleError(
      'invalid-resource',
      `knexPool() takes a Knex instance over pg that has a pool of its own; it was given ${show(knex)}. Give it a connection before it is registered; where it was given a connectionPool, register that with pgPool().`,
    )
  }
  requireOptions(options, poolOptionNames, 'knexPool()')
  const driven = driveKnex(knex, client)
  const tracked = trackPool(driven, options.onError)
  return poolResource(driven, tracked, [], { ...options, name: options.name ?? 'knex' })
}

function driveKnex(knex: KnexLike, client: KnexClient): DrivenPool {
  // Not read again: Knex drops it when it has been destroyed.
  const { pool: tarn } = client
  const made = new Set<PgClientLike>()
  watchClients(client, (each) => {
    made.add(each)
    each.addListener('end', () => made.delete(each))
  })
  let acquire = (): PendingAcquire => tarn.acquire()
  /** Those of the readiness check. */
  const asides = new WeakSet<PendingAcquire>()
  const inUse = (): PgClientLike[] => tarn.used.map(({ resource }) => resource)
  const opened = (): PgClientLike[] => [...inUse(), ...tarn.free.map(({ resource }) => resource)]
  return {
    pool: poolOf(tarn),
    connect() {
      // Not by Knex, which would warn of every check that fails.
      const waiter = acquire()
      asides.add(waiter)
      return {
        held: waiter.promise.then((each) => ({ client: each, release: (discard) => release(each, tarn, discard) })),
        giveUp(error) {
          // What is being opened goes to whoever waits longest, and so does the error when that fails.
          if (tarn.pendingAcquires.some((each) => each !== waiter)) return
          waiter.reject(error)
          const ready = new Set(opened())
          for (const each of made) if (!ready.has(each)) void cutClient(each, { errorOf: () => error, cancelMs: 0 })
        },
      }
    },
    clients: () => [...new Set([...opened(), ...made])],
    checkedOut: inUse,
    follow(callers) {
      acquire = followAcquires(client, tarn, callers, (waiter) => asides.has(waiter))
    },
    rejectWaiters(error) {
      // Those for whom a connection is being opened get it, but not from a pool that has been destroyed.
      const waiters = tarn.pendingAcquires.splice(tarn.destroyed ? 0 : tarn.pendingCreates.length)
      for (const waiter of waiters) waiter.reject(error())
      return waiters.length
    },
    async end({ goodbye }) {
      const destroyed = knex.destroy()
      // Beside it: tarn waits 5 s for a client whose server is silent.
      await Promise.race([destroyed, goodbye()])
      await destroyed
    },
    shut: () => void tarn.destroy().catch(() => {}),
    giveBack: (each) => void tarn.release(each),
  }
}

/** Tarn's pool with the counters and events of a `pg.Pool`. */
function poolOf(tarn: KnexClient['pool']): CountedPool {
  const events = new EventEmitter()
  const inUse = (each: PgClientLike): boolean => tarn.used.some(({ resource }) => resource === each)
  tarn.on('createSuccess', (_id: number, each: PgClientLike) => {
    // Knex listens itself, and says nothing of a connection that is lost while nobody uses it.
    onLost(each, (error) => {
      if (!inUse(each)) events.emit('error', error)
    })
    events.emit('connect', each)
  })
  tarn.on('acquireSuccess', (_id: number, each: PgClientLike) => events.emit('acquire', each))
  tarn.on('release', (each: PgClientLike) => events.emit('release', undefined, each))
  return {
    get totalCount() {
      return tarn.used.length + tarn.free.length + tarn.pendingCreates.length
    },
    get idleCount() {
      return tarn.free.length
    },
    get waitingCount() {
      return Math.max(0, tarn.pendingAcquires.length - tarn.pendingCreates.length)
    },
    get ending() {
      return tarn.destroyed
    },
    options: { max: tarn.max },
    addListener: (event, listener) => events.addListener(event, listener as (...values: unknown[]) => void),
    removeListener: (event, listener) => events.removeListener(event, listener as (...values: unknown[]) => void),
    listenerCount: (event) => events.listenerCount(event),
  }
}

function release(client: PgClientLike, tarn: TarnPool, discard: boolean = false): void {
  if (discard) {
    const why = 'it did not answer the readiness check'
    markUnusable(client, why)
    void cutClient(client, { errorOf: () => new Error(why), cancelMs: 0 })
  }
  tarn.release(client)
}
