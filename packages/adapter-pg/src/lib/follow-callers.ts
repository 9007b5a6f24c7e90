import type { Caller, Callers } from './driven-pool.ts'
import { clientsOf, idleClientsOf, isConnecting, onConnected, pendingCallersOf, type PendingCaller } from './pg-internals.ts'
import type { PgClientLike, PgPoolClientLike, PgPoolLike } from './pg-types.ts'
import { refuseQuery, verbOf } from './refuse-query.ts'

type ConnectCallback = (error: Error | undefined, client: PgPoolClientLike | undefined, release: unknown) => void
type Connect = (callback?: ConnectCallback) => Promise<PgPoolClientLike> | undefined
type Query = (...values: readonly unknown[]) => unknown

/**
 * Lets `callers` hear of everyone who asks this pool for a connection from now on, and of who waits for one: in the queue, or for one
 * that is being opened for him. Replaces `connect` and `query` of this one pool; returns `connect` as it was.
 *
 * @param isAside whether nobody but this package waits there
 */
export function followCallers(pool: PgPoolLike, callers: Callers, isAside: (awaited: PendingCaller | PgClientLike) => boolean): () => Promise<PgPoolClientLike> {
  const connect = Reflect.get(pool, 'connect').bind(pool) as Connect
  const query = Reflect.get(pool, 'query') as Query
  for (const client of clientsOf(pool)) if (isConnecting(client) && !isAside(client)) followOpening(pool, client, callers.asks())
  for (const waiting of pendingCallersOf(pool) ?? []) if (!isAside(waiting)) followWaiting(pool, waiting, callers.asks())

  const followed: Connect = (callback) => {
    const refusal = callers.refusal('connect')
    if (refusal) return refuse(refusal, callback)
    const caller = callers.asks()
    if (!callback) {
      const connecting = connect()
      connecting?.then(caller.got, caller.failed)
      return connecting
    }
    return connect((error, client, release) => {
      if (client) caller.got(client)
      else caller.failed(error)
      callback(error, client, release)
    })
  }
  Reflect.set(pool, 'connect', followed)
  // It calls `connect` too; what it is refused with names the query.
  Reflect.set(pool, 'query', (...values: readonly unknown[]) => {
    const refusal = callers.refusal(verbOf(values[0]))
    return refusal ? refuseQuery(undefined, values, refusal) : Reflect.apply(query, pool, values)
  })
  return () => connect() as Promise<PgPoolClientLike>
}

function refuse(refusal: Error, callback: ConnectCallback | undefined): Promise<PgPoolClientLike> | undefined {
  if (!callback) return Promise.reject(refusal)
  callback(refusal, undefined, () => {})
  return undefined
}

/** The caller for whom it is being opened is out of reach, but the client is his when it is open, unless his time was over by then. */
function followOpening(pool: PgPoolLike, client: PgClientLike, caller: Caller): void {
  onConnected(client, (error) => {
    if (error !== undefined) caller.failed(error)
    else if (idleClientsOf(pool).includes(client)) caller.failed(timedOut())
    else caller.got(client)
  })
}

/** As the pool says it. */
function timedOut(): Error {
  return new Error('timeout exceeded when trying to connect')
}

function followWaiting(pool: PgPoolLike, waiting: PendingCaller, caller: Caller): void {
  const { callback } = waiting
  let isOver = waiting.timedOut ?? false
  waiting.callback = (error, client, release) => {
    if (client) caller.got(client)
    else caller.failed(error)
    callback(error, client, release)
  }
  // The pool would look for it by its own callback to take it out of the queue.
  Object.defineProperty(waiting, 'timedOut', {
    get: () => isOver,
    set(value: boolean) {
      isOver = value
      const queue = pendingCallersOf(pool)
      const at = queue?.indexOf(waiting) ?? -1
      if (at >= 0) queue?.splice(at, 1)
      caller.failed(timedOut())
    },
  })
}
