import type { Callers } from './driven-pool.ts'
import type { KnexClient, PendingAcquire, TarnPool } from './knex-internals.ts'

/**
 * Lets `callers` hear of everyone who asks this Knex for a connection from now on, and of who waits for one. Returns `acquire` as it was.
 *
 * @param isAside whether one is of this package itself
 */
export function followAcquires(client: KnexClient, tarn: TarnPool, callers: Callers, isAside: (waiter: PendingAcquire) => boolean): () => PendingAcquire {
  const acquire = tarn.acquire.bind(tarn)
  const acquireConnection = client.acquireConnection.bind(client)
  for (const waiter of tarn.pendingAcquires) if (!isAside(waiter)) follow(waiter)
  // A destroyed pool keeps a newcomer waiting for its acquire timeout.
  tarn.acquire = () => {
    const refusal = callers.refusal('connect')
    return refusal ? { promise: Promise.reject(refusal), reject: () => {} } : follow(acquire())
  }
  // Knex logs what it gets from the pool, with a stack; and has none when it was destroyed.
  client.acquireConnection = () => {
    const refusal = callers.refusal('connect')
    return refusal ? Promise.reject(refusal) : acquireConnection()
  }
  return acquire

  function follow(waiter: PendingAcquire): PendingAcquire {
    const { got, failed } = callers.asks()
    waiter.promise.then(got, failed)
    return waiter
  }
}
