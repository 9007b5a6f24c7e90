import { closedError, cutError, LifecycleError, orAborted, show, untilIdle, type DrainContext, type ForceContext, type InHand, type OptionNames, type Phase, type Resource, type StartContext } from '@lameduck/core'
import { checkPool } from './check-pool.ts'
import { countUses, type Uses } from './count-uses.ts'
import { cutClient } from './cut-client.ts'
import type { CountedPool, DrivenPool } from './driven-pool.ts'
import { goodbyeMs } from './goodbye-ms.ts'
import { describeUse, type TrackedPool } from './track-pool.ts'

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

/** What `pgPool` and `knexPool` can both be given. */
export const poolOptionNames: OptionNames<PoolOptions> = { name: true, phase: true, timeoutMs: true, reserveMs: true, forceMs: true, onError: true, waiters: true }

/** @throws LifecycleError `invalid-option` */
export function poolResource(driven: DrivenPool, tracked: TrackedPool, warnings: readonly string[], options: PoolOptions & { readonly name: string }): Resource {
  const { name, phase = 'connections', timeoutMs, reserveMs, forceMs, waiters = 'serve' } = options
  if (!['serve', 'reject'].includes(waiters)) throw new LifecycleError('invalid-option', `${name}: waiters must be "serve" or "reject"; it is ${show(waiters)}`)
  const { pool } = driven
  const check = checkPool(driven)
  const uses = countUses({ name, driven, tracked, isAside: check.holds })
  const pooled: Pooled = { name, driven, tracked, uses }
  return {
    name,
    phase,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(reserveMs === undefined ? {} : { reserveMs }),
    ...(forceMs === undefined ? {} : { forceMs }),
    warnings,
    check: (context: StartContext) => check.ask(context.signal),
    quiesce: () => uses.begin(),
    inFlight: () => inUse(pool),
    waitingFor: () => describeUse(pool, tracked),
    tally: () => uses.read(),
    drain(context: DrainContext) {
      check.stop(goodbyeMs)
      return drainPool(pooled, waiters, context.signal)
    },
    force: (context: ForceContext) => forcePool(pooled, context.boundMs),
  }
}

interface Pooled {
  readonly name: string
  readonly driven: DrivenPool
  readonly tracked: TrackedPool
  readonly uses: Uses
}

function inUse({ totalCount, idleCount, waitingCount }: CountedPool): number {
  return totalCount - idleCount + waitingCount
}

async function drainPool({ name, driven, tracked, uses }: Pooled, waiters: 'serve' | 'reject', signal: AbortSignal): Promise<void> {
  const { pool } = driven
  uses.begin()
  const inHand: InHand = {
    count() {
      if (pool.ending) driven.rejectWaiters(() => abandoned(name))
      else if (waiters === 'reject') driven.rejectWaiters(() => turnedAway(name))
      return inUse(pool) + uses.released()
    },
    begunBefore: uses.begunBefore,
    onEnd: uses.onEnd,
  }
  const close = (): Promise<void> => {
    uses.close()
    // Where a loop is left that nobody stops, what it has in hand.
    return untilIdle(inHand, signal)
  }
  await untilIdle(inHand, signal)
  await close()
  // Whoever ends it may still have to ask something. A pool that is ending is closed by that.
  uses.reopen()
  const goodbye = async (): Promise<void> => {
    await closed(tracked)
    for (const client of tracked.open()) void cutClient(client, { errorOf: (what) => closedError(name, what), cancelMs: 0 })
  }
  await orAborted(pool.ending ? goodbye() : driven.end({ close, goodbye }), signal)
}

/** What `waiters: 'reject'` tells. */
function turnedAway(name: string): LifecycleError {
  return new LifecycleError('closed', `the pool "${name}" is stopping, and no connection was free`, { resource: name })
}

/** `pg` neither serves nor rejects who waits for a connection of a pool that is ending. */
function abandoned(name: string): LifecycleError {
  return new LifecycleError('closed', `the application ended the pool "${name}" before a connection was free; leave ending it to the lifecycle`, { resource: name })
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
async function forcePool({ name, driven, tracked, uses }: Pooled, boundMs: number): Promise<void> {
  uses.begin()
  uses.cut()
  const errorOf = (what: string): LifecycleError => cutError(name, what)
  const clients = new Set([...driven.clients(), ...tracked.open()])
  const checkedOut = tracked.checkedOut()
  driven.shut()
  const waiting = driven.pool.waitingCount
  const rejected = driven.rejectWaiters(() => errorOf('waiting for a connection'))
  const cuts = [...clients].map((client) => cutClient(client, { errorOf, cancelMs: boundMs / 2 }))
  await Promise.all(cuts)
  for (const { client } of checkedOut) driven.giveBack(client)
  if (rejected === undefined) {
    throw new Error(`${waiting} callers that wait for a connection could not be rejected: this version of the pool keeps them in an unknown place`)
  }
}
