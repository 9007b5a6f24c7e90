import { orAborted, type DrainContext, type ForceContext, type Phase, type Resource, type StartContext } from '@lameduck/core'
import { checkPool } from './check-pool.ts'
import { cutClient } from './cut-client.ts'
import type { DrivenPool } from './driven-pool.ts'
import { describeUse, type TrackedPool } from './track-pool.ts'
import { untilUnused } from './until-unused.ts'

/** The options that `pgPool` and `knexPool` share. */
export interface PoolOptions {
  /** Unique in the lifecycle; shown in plans and reports. @default 'pg', 'knex' */
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
   * What happens to callers that wait for a connection when the drain begins, or come to wait during it. `serve`: they get their
   * turn, until the step is cut. `reject`: they get an error at once and only what has a connection is finished; for a
   * backlog that is longer than the time, where a few transactions should commit rather than be cut with the rest.
   * @default 'serve'
   */
  readonly waiters?: 'serve' | 'reject'
}

/** How long a server may take to answer what loses nothing if it stays silent: the goodbye of a connection, a readiness check. */
const goodbyeMs = 200

export function poolResource(driven: DrivenPool, tracked: TrackedPool, warnings: readonly string[], options: PoolOptions & { readonly name: string }): Resource {
  const { name, phase = 'connections', timeoutMs, reserveMs, forceMs, waiters = 'serve' } = options
  const { pool } = driven
  const check = checkPool(driven)
  return {
    name,
    phase,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(reserveMs === undefined ? {} : { reserveMs }),
    ...(forceMs === undefined ? {} : { forceMs }),
    warnings,
    check: (context: StartContext) => check.ask(context.signal),
    inFlight: () => pool.totalCount - pool.idleCount + pool.waitingCount,
    waitingFor: () => describeUse(pool, tracked),
    drain(context: DrainContext) {
      check.stop(goodbyeMs)
      return drainPool(name, driven, tracked, waiters, context.signal)
    },
    force: (context: ForceContext) => forcePool(name, driven, tracked, context.boundMs),
  }
}

async function drainPool(name: string, driven: DrivenPool, tracked: TrackedPool, waiters: 'serve' | 'reject', signal: AbortSignal): Promise<void> {
  const { pool } = driven
  let abandoned = 0
  const isUnused = (): boolean => {
    if (pool.ending) abandoned += driven.rejectWaiters(`the pool "${name}" was ended before a connection was free`) ?? 0
    else if (waiters === 'reject') driven.rejectWaiters(`the pool "${name}" is stopping, and no connection was free`)
    return pool.totalCount === pool.idleCount && pool.waitingCount === 0
  }
  await untilUnused(pool, ['connect', 'acquire', 'release', 'remove', 'error'], isUnused, signal)
  const goodbye = async (): Promise<void> => {
    await closed(tracked)
    for (const client of tracked.open()) void cutClient(client, { error: new Error('the pool has ended'), cancelMs: 0 })
  }
  await orAborted(pool.ending ? goodbye() : driven.end(goodbye), signal)
  if (abandoned > 0) {
    throw new Error(
      `the application ended the pool while ${abandoned} callers waited for a connection, which they could no longer get, so they were rejected. Leave ending the pool to the lifecycle.`,
    )
  }
}

/** Resolves when the sockets have closed, or after `goodbyeMs`. */
function closed(tracked: TrackedPool): Promise<void> {
  return new Promise((resolve) => {
    const clients = tracked.open()
    if (clients.length === 0) return resolve()
    const timer = setTimeout(stop, goodbyeMs)
    for (const client of clients) client.addListener('end', onEnd)

    function onEnd(): void {
      if (tracked.open().length === 0) stop()
    }

    function stop(): void {
      clearTimeout(timer)
      for (const client of clients) client.removeListener('end', onEnd)
      resolve()
    }
  })
}

/** The order matters: once the pool is shut, a client that comes back is closed instead of handed to the next caller. */
async function forcePool(name: string, driven: DrivenPool, tracked: TrackedPool, boundMs: number): Promise<void> {
  const why = `the pool "${name}" was cut: its time in the shutdown was over`
  const clients = new Set([...driven.clients(), ...tracked.open()])
  const checkedOut = tracked.checkedOut()
  driven.shut(why)
  const waiting = driven.pool.waitingCount
  const rejected = driven.rejectWaiters(why)
  const cuts = [...clients].map((client) => cutClient(client, { error: new Error(why), cancelMs: boundMs / 2 }))
  await Promise.all(cuts)
  for (const { client } of checkedOut) driven.giveBack(client)
  if (rejected === undefined) {
    throw new Error(`${waiting} callers that wait for a connection could not be rejected: this version of the pool keeps them in an unknown place`)
  }
}
