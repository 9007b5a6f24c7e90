import { takePendingCallers } from './pg-internals.ts'
import type { PgPoolLike } from './pg-types.ts'

/**
 * Rejects everyone who waits for a connection, since a pool that is ending neither serves nor rejects them: their
 * promises would never settle. Returns how many there were, `undefined` if they could not be reached.
 */
export function rejectWaiters(pool: PgPoolLike, why: string): number | undefined {
  if (pool.waitingCount === 0) return 0
  const callers = takePendingCallers(pool)
  for (const caller of callers ?? []) {
    try {
      caller.callback(new Error(why), undefined, () => {})
    } catch {
      // A callback that throws must not keep the next caller waiting.
    }
  }
  return callers?.length
}
