import { orAborted, LifecycleError, show, type DrainContext, type ForceContext, type Phase, type Resource, type StartContext } from '@lameduck/core'
import { cutClient } from './cut-client.ts'
import { giveBack } from './give-back.ts'
import { followTransactions, isConnected, isConnecting, isInTransaction, isQuerying, queuedQueries } from './pg-internals.ts'
import { isPooledClient, type PgClientLike } from './pg-types.ts'
import { doingOf, nameOf, onLost } from './track-pool.ts'
import { untilUnused } from './until-unused.ts'

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

/**
 * A single `pg.Client` as a resource: one that LISTENs, or that holds an advisory lock. `drain` waits for the connect, query or
 * transaction it is in, stops listening, and ends it: no notification arrives after that. A client that was checked
 * out of a pool is given back to it, to be closed. `force` cancels its query and destroys the connection.
 *
 * You connect it. From the registration on this resource listens to its errors (a lost connection no longer ends the
 * process) and is the one that ends or releases it.
 *
 * @throws LifecycleError `invalid-resource` when `client` is not a client of pg.
 */
export function pgClient(client: PgClientLike, options: PgClientOptions = {}): Resource {
  requireClient(client)
  const { name = 'pg client', phase = 'intake', timeoutMs, reserveMs, forceMs, onError } = options
  let lost: Error | undefined
  let hasEnded = false
  let outstanding: Promise<unknown> | undefined
  onLost(client, (error) => {
    lost = error
    if (onError) onError(error)
    else if (client.listenerCount('error') === 1) process.emitWarning(`a pg connection was lost: ${error.message}`, 'LameduckPgWarning')
  })
  client.addListener('end', () => (hasEnded = true))
  followTransactions(client)

  const isWorking = (): boolean => isQuerying(client) === true || isInTransaction(client) === true
  // The end of a client that is still connecting would leave its owner's `connect()` without an answer, or with a strange one.
  const isBusy = (): boolean => !hasEnded && (isConnecting(client) || isWorking())
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
      if (isWorking() && !outstanding) return
      outstanding ??= client.query('SELECT 1').finally(() => (outstanding = undefined))
      await orAborted(outstanding, signal)
    },
    inFlight: () => (isBusy() ? 1 + queuedQueries(client) : 0),
    waitingFor: () => (isBusy() ? [`${nameOf(client)}: ${doingOf(client)}`, ...Array.from({ length: queuedQueries(client) }, () => `${nameOf(client)}: a query that waits behind it`)] : []),
    async drain({ signal }: DrainContext) {
      await untilUnused(client, ['connect', 'drain', 'end'], () => !isBusy(), signal)
      if (hasEnded) return
      await orAborted(leave(client), signal)
    },
    async force({ boundMs }: ForceContext) {
      await cutClient(client, { error: new Error(`the client "${name}" was cut: its time in the shutdown was over`), cancelMs: boundMs / 2 })
      if (isPooledClient(client)) giveBack(client)
    },
  }
}

async function leave(client: PgClientLike): Promise<void> {
  // Its answer is the proof that no notification follows. A client that was never connected has none to give.
  if (isConnected(client)) await client.query('UNLISTEN *').catch(() => {})
  await release(client)
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
