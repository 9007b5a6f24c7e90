import { orAborted, LifecycleError } from '@lameduck/core'
import type { PgPoolLike } from './pg-types.ts'

/**
 * A readiness check that asks the server `SELECT 1`, but never queues for a connection: an exhausted pool with
 * callers waiting is reported as busy, and one with none waiting is believed. Only one question is outstanding at
 * a time, whoever asks, so that a frozen server costs one connection at most.
 */
export function checkPool(pool: PgPoolLike): (signal: AbortSignal) => Promise<void> {
  let outstanding: Promise<void> | undefined
  return async (signal) => {
    if (!outstanding) {
      const { totalCount, idleCount, waitingCount } = pool
      if (pool.ending) throw new LifecycleError('check-failed', 'the pool has been ended')
      if (waitingCount > 0) {
        throw new LifecycleError(
          'check-failed',
          `busy: ${totalCount} connections are in use and ${waitingCount} callers wait for one, so the server was not asked; raise the pool's max or shorten the transactions`,
        )
      }
      if (idleCount === 0 && totalCount >= (pool.options?.max ?? 10)) return
      const answer = ask(pool, signal, forget).finally(forget)
      outstanding = answer
      function forget(): void {
        if (outstanding === answer) outstanding = undefined
      }
    }
    await orAborted(outstanding, signal)
  }
}

/** When nobody waits for the answer any more, the connection is thrown away instead of kept waiting for it. */
async function ask(pool: PgPoolLike, signal: AbortSignal, onDiscard: () => void): Promise<void> {
  const client = await pool.connect()
  if (signal.aborted) return client.release()
  const discard = (): void => {
    onDiscard()
    client.release(true)
  }
  signal.addEventListener('abort', discard, { once: true })
  try {
    await client.query('SELECT 1')
    if (!signal.aborted) client.release()
  } catch (error) {
    if (!signal.aborted) client.release(true)
    throw error
  } finally {
    signal.removeEventListener('abort', discard)
  }
}
