import { isNative } from './pg-internals.ts'
import type { PgPoolLike } from './pg-types.ts'

/** What about the pool's configuration will hurt during a stop, each with the fix. Read before anything is attached to it. */
export function poolWarnings(pool: PgPoolLike, hasOnError: boolean): string[] {
  const warnings: string[] = []
  const { options = {} } = pool
  if (!options.connectionTimeoutMillis) {
    warnings.push(
      'the pool has no connectionTimeoutMillis, so a caller waits for a connection for ever when all are in use or the server is frozen; set it: new Pool({ connectionTimeoutMillis: 5_000 })',
    )
  }
  if (boundsOnlyOurSide(options)) {
    warnings.push(
      'the pool has a query_timeout but no statement_timeout, so a query that timed out goes on in the server, holding its locks; set both: new Pool({ query_timeout: 10_000, statement_timeout: 9_000 })',
    )
  }
  if (!hasOnError && pool.listenerCount('error') === 0) {
    warnings.push(
      "nobody listens to the pool's errors, so a lost idle connection shows only as a process warning; log it: pgPool(pool, { onError: (error) => … }), or pool.on('error', …) before it is registered",
    )
  }
  if (isNative(pool)) {
    warnings.push('the pool uses pg-native, whose queries cannot be cancelled and whose sockets cannot be destroyed when the step is cut; use the JavaScript client of pg')
  }
  return warnings
}

function boundsOnlyOurSide(options: object): boolean {
  const { query_timeout, statement_timeout, connectionString, options: startup } = options as Record<string, unknown>
  if (typeof query_timeout !== 'number' || query_timeout === 0) return false
  return !statement_timeout && ![connectionString, startup].some((text) => typeof text === 'string' && text.includes('statement_timeout'))
}
