import type pg from 'pg'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { count, eventually } from './contexts.ts'
import { untilActive } from './observe.ts'
import { createDatabase, type Database } from './postgres.ts'

/** Gives the tests of a file a database with a table `ledger`, which is empty when a test begins. */
export function withLedger(use: (database: Database) => void): void {
  let database: Database
  beforeAll(async () => {
    database = await createDatabase()
    await database.admin.query('CREATE TABLE ledger (id int PRIMARY KEY)')
    use(database)
  })
  afterAll(() => database.stop())
  beforeEach(async () => {
    await database.admin.query('TRUNCATE ledger')
  })
}

export const waitForGate = (id: number): string => `SELECT pg_advisory_xact_lock_shared(${id < 4 ? 1 : 2})`

/**
 * Starts 60 transactions of one's own making, each of which inserts its row, waits for `waitForGate(id)` and commits. Comes
 * back when 4 have committed and the next 4 are running, until `goOn` lets them.
 */
export async function sixtyTransactions(admin: pg.Client, application: string, transaction: (id: number) => Promise<unknown>) {
  await admin.query('SELECT pg_advisory_lock(2)')
  const counts = count(Array.from({ length: 60 }, (_, id) => transaction(id)))
  await eventually(() => counts.fulfilled, (done) => done === 4, 10_000)
  await untilActive(admin, application, 4)
  return { counts, goOn: () => admin.query('SELECT pg_advisory_unlock(2)') }
}

export async function rowsOf(admin: pg.Client): Promise<number> {
  const { rows } = await admin.query<{ count: number }>('SELECT count(*)::int FROM ledger')
  return rows[0]!.count
}

/** Of this database, as far as the sessions have told the statistics; they tell at their end at the latest. */
export async function rollbacks(admin: pg.Client): Promise<number> {
  await admin.query('SELECT pg_stat_clear_snapshot()')
  const { rows } = await admin.query<{ rollbacks: number }>('SELECT xact_rollback::int AS rollbacks FROM pg_stat_database WHERE datname = current_database()')
  return rows[0]!.rollbacks
}
