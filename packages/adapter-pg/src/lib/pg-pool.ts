import { orAborted, LifecycleError, show, type DrainContext, type ForceContext, type Phase, type Resource, type StartContext } from '@lameduck/core'
import { checkPool } from './check-pool.ts'
import { cutClient } from './cut-client.ts'
import { giveBack } from './give-back.ts'
import { clientsOf } from './pg-internals.ts'
import type { PgClientLike, PgPoolLike } from './pg-types.ts'
import { poolWarnings } from './pool-warnings.ts'
import { rejectWaiters } from './reject-waiters.ts'
import { describeUse, trackPool, type TrackedPool } from './track-pool.ts'
import { untilUnused } from './until-unused.ts'

export interface PgPoolOptions {
  /** Unique in the lifecycle; shown in plans and reports. @default 'pg' */
  readonly name?: string
  /** @default 'connections' */
  readonly phase?: Phase
  /** Longest time the drain may take, in ms. @default the policy's value for the phase */
  readonly timeoutMs?: number
  /** Time that is guaranteed to the drain, in ms. @default the policy's value for the phase */
  readonly reserveMs?: number
  /** Longest time that cutting may take, in ms. Half of it is for the server to cancel what it is running. @default the policy's `forceMs` (100) */
  readonly forceMs?: number
  /**
   * Gets the error of every connection that is lost, idle or checked out (then the query in flight rejects too).
   * Errors that `force` causes are not passed on.
   * @default a process warning (`LameduckPgWarning`) where nobody else listens
   */
  readonly onError?: (error: Error) => void
  /**
   * Remember where in the application each connection was taken, and name the place in the report when the step is
   * cut: finds the leak. Replaces `pool.connect` and costs a stack trace per checkout.
   * @default false
   */
  readonly traceCheckouts?: boolean
}

/** How long closed connections may take to say goodbye; their work is done, so a silent server loses nothing but this. */
const goodbyeMs = 200

/**
 * A `pg.Pool` as a resource. `drain` waits until no connection is checked out, being opened or waited for, then ends
 * the pool; until then the pool serves everyone, since work that finishes still has to query. `force` cancels what
 * the server is running, destroys every connection and rejects every caller that waits for one.
 *
 * Register it when it is made. The pool stays yours to configure and use; from the registration on, this resource
 * listens to its errors (a lost connection no longer ends the process) and is the one that ends it: do not call
 * `pool.end()` yourself. If you did, that is tolerated.
 *
 * @throws LifecycleError `invalid-resource` when `pool` is not a pool of pg.
 */
export function pgPool(pool: PgPoolLike, options: PgPoolOptions = {}): Resource {
  requirePool(pool)
  const { name = 'pg', phase = 'connections', timeoutMs, reserveMs, forceMs, onError, traceCheckouts = false } = options
  const warnings = poolWarnings(pool, onError !== undefined)
  const tracked = trackPool(pool, { traceCheckouts, onError })
  const check = checkPool(pool)
  return {
    name,
    phase,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(reserveMs === undefined ? {} : { reserveMs }),
    ...(forceMs === undefined ? {} : { forceMs }),
    warnings,
    check: (context: StartContext) => check(context.signal),
    inFlight: () => pool.totalCount - pool.idleCount + pool.waitingCount,
    waitingFor: () => describeUse(pool, tracked),
    drain: (context: DrainContext) => drainPool(name, pool, tracked, context.signal),
    force: (context: ForceContext) => forcePool(name, pool, tracked, context.boundMs),
  }
}

async function drainPool(name: string, pool: PgPoolLike, tracked: TrackedPool, signal: AbortSignal): Promise<void> {
  let abandoned = 0
  const isUnused = (): boolean => {
    if (pool.ending) abandoned += rejectWaiters(pool, `the pool "${name}" was ended before a connection was free`) ?? 0
    return pool.totalCount === pool.idleCount && pool.waitingCount === 0
  }
  await untilUnused(pool, ['connect', 'acquire', 'release', 'remove', 'error'], isUnused, signal)
  if (!pool.ending) await orAborted(pool.end(), signal)
  await closed(tracked.open, signal)
  for (const client of tracked.open) void cutClient(client, { error: new Error('the pool has ended'), cancelMs: 0 })
  if (abandoned > 0) {
    throw new Error(
      `pool.end() was called by the application while ${abandoned} callers waited for a connection; pg would never have answered them, so they were rejected. Leave ending the pool to the lifecycle.`,
    )
  }
}

/** Resolves when the sockets have closed, or after `goodbyeMs`, or when the step is cut. */
function closed(open: ReadonlySet<PgClientLike>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (open.size === 0 || signal.aborted) return resolve()
    const timer = setTimeout(stop, goodbyeMs)
    const clients = [...open]
    for (const client of clients) client.addListener('end', onEnd)
    signal.addEventListener('abort', stop, { once: true })

    function onEnd(): void {
      if (open.size === 0) stop()
    }

    function stop(): void {
      clearTimeout(timer)
      for (const client of clients) client.removeListener('end', onEnd)
      signal.removeEventListener('abort', stop)
      resolve()
    }
  })
}

/** The order matters: once the pool is ending, a client that comes back is closed instead of handed to the next caller. */
async function forcePool(name: string, pool: PgPoolLike, tracked: TrackedPool, boundMs: number): Promise<void> {
  const why = `the pool "${name}" was cut: its time in the shutdown was over`
  const clients = new Set([...clientsOf(pool), ...tracked.open])
  const checkedOut = [...tracked.checkedOut.keys()]
  if (!pool.ending) pool.end().catch(() => {})
  const waiting = pool.waitingCount
  const rejected = rejectWaiters(pool, why)
  const cuts = [...clients].map((client) => cutClient(client, { error: new Error(why), cancelMs: boundMs / 2 }))
  await Promise.all(cuts)
  for (const client of checkedOut) giveBack(client)
  if (rejected === undefined) {
    throw new Error(`${waiting} callers that wait for a connection could not be rejected: this version of pg-pool keeps them in an unknown place`)
  }
}

function requirePool(pool: unknown): void {
  const has = (key: string, type: string): boolean => typeof pool === 'object' && pool !== null && typeof Reflect.get(pool, key) === type
  if (has('totalCount', 'number') && has('waitingCount', 'number') && has('connect', 'function') && has('end', 'function') && has('addListener', 'function')) return
  throw new LifecycleError('invalid-resource', `pgPool() takes a pg.Pool; it was given ${show(pool)}. A single Client goes to pgClient().`)
}
