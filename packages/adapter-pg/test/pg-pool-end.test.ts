import 'reflect-metadata'
import { createLifecycle } from '@lameduck/core'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { DataSource } from 'typeorm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pgPool } from '../src/index.ts'
import { count, draining, eventually } from './support/contexts.ts'
import { withLedger } from './support/ledger.ts'
import { sessionsLeft, untilActive } from './support/observe.ts'
import { poolsOf } from './support/pools.ts'
import type { Database } from './support/postgres.ts'

let postgres: Database
let admin: pg.Client
withLedger((database) => {
  postgres = database
  admin = database.admin
})
const createPool = poolsOf('end', () => postgres)

/** What an `end` may do, where a library owns the pool, or is thought to. */
const ends: Readonly<Record<string, (pool: pg.Pool) => unknown>> = {
  'has nothing in it': () => {},
  // Kysely ends the pool that it was given only when it has used it.
  'is that of a Kysely that was never used': (pool) => new Kysely({ dialect: new PostgresDialect({ pool }) }).destroy(),
  // As of Sequelize or Knex, each with a pool that it has made itself.
  'ends another pool': () => new pg.Pool().end(),
  'ends it later, and returns nothing': (pool) => void setImmediate(() => void pool.end()),
  'ends it by a callback': (pool) => pool.end(() => {}),
  'ends it': (pool) => pool.end(),
}

describe.each(Object.keys(ends))('an end that %s', (what) => {
  // Catches: `clean`, with the connections open, and a pool that goes on taking queries which nobody waits for.
  test('leaves no connection open; what comes then is refused, and counted', async () => {
    const { pool, resource, application } = createPool({}, { end: () => ends[what]?.(pool) as Promise<unknown> })
    await pool.query('SELECT 1')
    await draining(resource).done
    expect(await sessionsLeft(admin, application)).toBe(0)
    expect(pool.ended).toBe(true)
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'closed' })
    expect(resource.tally!()).toMatchObject({ done: 0, failed: 0, refused: 1 })
    await pool.end()
  })
})

test('an end that fails without ending the pool makes the step fail, and leaves no connection open', async () => {
  const { pool, resource, application } = createPool({}, { end: () => Promise.reject(new Error('not initialized')) })
  await pool.query('SELECT 1')
  await expect(draining(resource).done).rejects.toThrow('not initialized')
  expect(await sessionsLeft(admin, application)).toBe(0)
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'closed' })
})

// Catches: a query that begins while the owner ends it, and is broken off a moment later.
test('what is asked while the owner ends it is waited for, also where that does not end the pool', async () => {
  await admin.query('SELECT pg_advisory_lock(7)')
  let asked = count([])
  const { pool, resource, application } = createPool({}, { end: () => void (asked = count([pool.query('SELECT pg_advisory_xact_lock_shared(7)')])) })
  const drained = draining(resource)
  await untilActive(admin, application, 1)
  // Longer than the sockets have for their goodbye.
  await admin.query('SELECT pg_sleep(0.4)')
  expect(asked).toMatchObject({ pending: 1 })
  await admin.query('SELECT pg_advisory_unlock(7)')
  await drained.done
  await eventually(() => asked.fulfilled, (fulfilled) => fulfilled === 1)
  expect(resource.tally!()).toMatchObject({ done: 1, failed: 0 })
  expect(await sessionsLeft(admin, application)).toBe(0)
})

test('TypeORM is told by dataSource.destroy(), which ends its pool in its own way', async () => {
  const application = 'end typeorm'
  const dataSource = await new DataSource({ type: 'postgres', url: postgres.url, applicationName: application, connectTimeoutMS: 10_000 }).initialize()
  const { master } = dataSource.driver as unknown as { readonly master: pg.Pool }
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(pgPool(master, { onError: () => {}, end: () => dataSource.destroy() }))
  onTestFinished(() => lifecycle.force())
  await lifecycle.start()
  const query = dataSource.query('SELECT pg_sleep(0.05)')
  const { result } = await lifecycle.stop()
  await query
  expect({ result, isInitialized: dataSource.isInitialized, left: await sessionsLeft(admin, application) }).toEqual({ result: 'clean', isInitialized: false, left: 0 })
})
