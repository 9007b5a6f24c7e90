import { closedError, closeWhenIdle, cutError, lateWorkMs, LifecycleError, oneLine, orAborted, requireOptions, show, untilIdle, type DrainContext, type ForceContext, type InHand, type OptionNames, type Phase, type Resource, type StartContext } from '@lameduck/core'
import { countSession } from './count-session.ts'
import { cutClient } from './cut-client.ts'
import { giveBack } from './give-back.ts'
import { goodbyeMs } from './goodbye-ms.ts'
import { followTransactions, isConnected, queuedQueries } from './pg-internals.ts'
import { isPooledClient, type PgClientLike } from './pg-types.ts'
import { doingOf, nameOf, onLost } from './track-pool.ts'

export interface PgClientOptions {
  /** Unique in the lifecycle; shown in plans and reports. @default 'pg client' */
  readonly name?: string
  /**
   * `intake` suits a client that LISTENs for work: it stops first. One that keeps a cache fresh, or that other work
   * queries, belongs in `connections`, so that it lives as long as that work does.
   * @default 'intake'
   */
  readonly phase?: Phase
  /** Longest time the drain may take, in ms. @default the policy's value for the phase */
  readonly timeoutMs?: number
  /** Time that is guaranteed to the drain, in ms. @default the policy's value for the phase */
  readonly reserveMs?: number
  /** Longest time that cutting may take, in ms. Half of it is for the server to cancel what it is running. @default the policy's `forceMs` (100) */
  readonly forceMs?: number
  /**
   * Gets the error when the connection is lost. Errors that `force` causes are not passed on.
   * @default a process warning (`LameduckPgWarning`) where nobody else listens
   */
  readonly onError?: (error: Error) => void
}

const names: OptionNames<PgClientOptions> = { name: true, phase: true, timeoutMs: true, reserveMs: true, forceMs: true, onError: true }

/**
 * A single `pg.Client` as a resource: one that LISTENs, or that holds an advisory lock. `drain` waits for the connect, query or
 * transaction it is in, stops listening, waits for what the listeners of `notification` have promised, and ends it. A client that was
 * checked out of a pool is given back to it, to be closed. `force` cancels its query and destroys the connection.
 *
 * You connect it. From the registration on this resource listens to its errors (a lost connection no longer ends the
 * process), hears what its listeners of `notification` return, and is the one that ends or releases it.
 *
 * @throws LifecycleError `invalid-resource` when `client` is not a client of pg, `invalid-option`
 */
export function pgClient(client: PgClientLike, options: PgClientOptions = {}): Resource {
  requireClient(client)
  const { name = 'pg client', phase = 'intake', timeoutMs, reserveMs, forceMs, onError } = requireOptions(options, names, 'pgClient()')
  const session = countSession(client, name, { doubts: phase !== 'connections' && phase !== 'telemetry' })
  let lost: Error | undefined
  let hasEnded = false
  let tellEnded: ((why: unknown) => void) | undefined
  let outstanding: Promise<unknown> | undefined
  onLost(client, (error) => {
    lost = error
    tellEnded?.(error)
    if (onError) onError(error)
    else if (client.listenerCount('error') === 1) process.emitWarning(`a pg connection was lost: ${oneLine(error.message)}`, 'LameduckPgWarning')
  })
  client.addListener('end', () => (hasEnded = true))
  followTransactions(client)

  const isBusy = (): boolean => !hasEnded && session.isBusy()
  return {
    name,
    phase,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(reserveMs === undefined ? {} : { reserveMs }),
    ...(forceMs === undefined ? {} : { forceMs }),
    async check({ signal }: StartContext) {
      if (lost || hasEnded) {
        throw new LifecycleError('check-failed', `the connection has ended${lost ? ` (${lost.message})` : ''}; a pg.Client does not reconnect: make a new one`)
      }
      // Behind a running query the question would only queue.
      if (session.isWorking() && !outstanding) return
      outstanding ??= session.ask('SELECT 1').finally(() => (outstanding = undefined))
      await orAborted(outstanding, signal)
    },
    watch(ended) {
      tellEnded = ended
      if (lost) ended(lost)
    },
    quiesce: () => session.begin(),
    inFlight: () => (isBusy() ? 1 + queuedQueries(client) : 0) + session.handlers.count(),
    waitingFor: () => [...(isBusy() ? describeClient(client) : []), ...session.handlers.waitingFor()],
    tally: () => session.read(),
    async drain({ signal }: DrainContext) {
      session.begin()
      const begunAt = performance.now()
      const { queries, handlers } = session
      const isOld = (): number => (hasEnded ? 0 : queries.begunBefore(begunAt))
      await untilIdle({ count: isOld, begunBefore: isOld }, signal)
      // Its answer is the proof that no notification follows. A client that was never connected has none to give.
      if (isConnected(client)) await inTime(session.ask('UNLISTEN *').catch(() => {}), lateWorkMs, signal)
      const inHand: InHand = {
        count: () => (hasEnded ? 0 : queries.count()) + handlers.count(),
        begunBefore: (at) => (hasEnded ? 0 : queries.begunBefore(at)) + handlers.begunBefore(at),
      }
      await closeWhenIdle(inHand, () => session.close(), signal)
      if (hasEnded) return
      await inTime(release(client), goodbyeMs, signal)
      if (!hasEnded) void cutClient(client, { errorOf: (what) => closedError(name, what), cancelMs: 0 })
    },
    async force({ boundMs }: ForceContext) {
      session.begin()
      session.cut()
      await cutClient(client, { errorOf: (what) => cutError(name, what), cancelMs: boundMs / 2 })
      if (isPooledClient(client)) giveBack(client)
    },
  }
}

/** For what loses nothing when the server stays silent: resolves in `ms` at the latest. */
async function inTime(promise: Promise<unknown>, ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  try {
    await orAborted(Promise.race([promise, late]), signal)
  } finally {
    clearTimeout(timer)
  }
}

function describeClient(client: PgClientLike): string[] {
  const queued = Array.from({ length: queuedQueries(client) }, () => `${nameOf(client)}: a query that waits behind it`)
  return [`${nameOf(client)}: ${doingOf(client)}`, ...queued]
}

/** A client that has listened must not go to the next caller of its pool, so it is given back to be closed. */
function release(client: PgClientLike): Promise<void> {
  if (!isPooledClient(client)) return client.end?.() ?? Promise.resolve()
  return new Promise((resolve) => {
    client.addListener('end', resolve)
    giveBack(client)
  })
}

function requireClient(client: unknown): void {
  const has = (key: string): boolean => typeof client === 'object' && client !== null && typeof Reflect.get(client, key) === 'function'
  if (has('query') && has('end') && has('addListener') && !('totalCount' in (client as object))) return
  throw new LifecycleError('invalid-resource', `pgClient() takes a pg.Client; it was given ${show(client)}. A Pool goes to pgPool().`)
}
