import pg from 'pg'
import { onTestFinished } from 'vitest'
import { pgPool, type PgPoolOptions } from '../../src/index.ts'
import { force } from './contexts.ts'
import type { Database } from './postgres.ts'

/** Makes registered pools of 4, each an application of its own to the server, which are cut when their test is over. */
export function poolsOf(name: string, database: () => Database) {
  let pools = 0
  return (config: pg.PoolConfig = {}, options: PgPoolOptions = {}) => {
    const application = `${name} ${(pools += 1)}`
    const pool = new pg.Pool({ ...database().config, application_name: application, max: 4, ...config })
    const resource = pgPool(pool, { onError: () => {}, ...options })
    onTestFinished(async () => void (await force(resource)))
    return { pool, resource, application }
  }
}
