import { createRequire } from 'node:module'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pgClient, pgPool } from '../src/index.ts'
import { count, draining, eventually, force } from './support/contexts.ts'
import { rowsOf } from './support/ledger.ts'
import { isRowFree, sessionsLeft, untilActive } from './support/observe.ts'
import { createDatabase, type Database } from './support/postgres.ts'

const require = createRequire(import.meta.url)
const oldest = require('pg-8.11') as typeof pg
const OldestPool = require('pg-pool-3.6') as new (config: pg.PoolConfig & { Client: typeof pg.Client }) => pg.Pool

let postgres: Database
let admin: pg.Client
beforeAll(async () => {
  postgres = await createDatabase()
  admin = postgres.admin
  await admin.query('CREATE TABLE ledger (id int PRIMARY KEY)')
  await admin.query('INSERT INTO ledger VALUES (1)')
})
afterAll(() => postgres.stop())

function createPool(application: string): pg.Pool {
  return new OldestPool({ ...postgres.config, application_name: application, max: 4, Client: oldest.Client })
}

describe('the oldest supported pg', () => {
  test('drains: all queries are served, no session is left', async () => {
    const pool = createPool('oldest drained')
    const resource = pgPool(pool, { onError: () => {} })
    await resource.check!({ signal: AbortSignal.timeout(2_000) })
    const counts = count(Array.from({ length: 30 }, () => pool.query('SELECT pg_sleep(0.01)')))
    await draining(resource).done
    expect(counts).toMatchObject({ fulfilled: 30, pending: 0 })
    expect(await sessionsLeft(admin, 'oldest drained')).toBe(0)
  })

  test('is cut: leaked client, idle transaction, running queries, waiting callers', async () => {
    const pool = createPool('oldest cut')
    const resource = pgPool(pool, { onError: () => {} })
    const [, inTransaction, busy] = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    await inTransaction.query('BEGIN')
    await inTransaction.query('SELECT * FROM ledger WHERE id = 1 FOR UPDATE')
    const counts = count([busy.query('SELECT pg_sleep(30)'), busy.query('SELECT pg_sleep(31)'), pool.query('SELECT pg_sleep(30)'), pool.connect()])
    await untilActive(admin, 'oldest cut', 2)
    expect(resource.waitingFor!()).toContainEqual(expect.stringMatching(/^backend \d+: idle in a transaction, taken /))
    expect(resource.waitingFor!().at(-1)).toBe('1 caller waits for a connection')
    expect(await force(resource)).toBeLessThan(500)
    expect(counts).toMatchObject({ rejected: 4, pending: 0 })
    expect(await isRowFree(admin, 1)).toBe(true)
    expect(await sessionsLeft(admin, 'oldest cut')).toBe(0)
  })

  test('counts what becomes of its uses: served, timed out while waiting, lost, refused after the close', async () => {
    const pool = new OldestPool({ ...postgres.config, application_name: 'oldest counted', max: 1, connectionTimeoutMillis: 200, Client: oldest.Client })
    const resource = pgPool(pool, { onError: () => {} })
    const counts = count([pool.query('SELECT pg_sleep(30)'), pool.query('SELECT 1')])
    await untilActive(admin, 'oldest counted', 1)
    const drained = draining(resource)
    await eventually(() => counts.rejected, (rejected) => rejected === 1)
    await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'oldest counted'")
    await eventually(() => counts.rejected, (rejected) => rejected === 2)
    await drained.done
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'closed' })
    expect(resource.tally!()).toMatchObject({ done: 0, failed: 2, refused: 1, reasons: [expect.stringContaining('timeout exceeded'), expect.stringContaining('SELECT: terminating connection'), expect.stringContaining('SELECT: refused')] })
  })

  test('single client: counts its queries and what its listeners promise', async () => {
    const client = new oldest.Client({ ...postgres.config, application_name: 'oldest listener' })
    const resource = pgClient(client, { onError: () => {} })
    await client.connect()
    let heard = 0
    client.on('notification', (async () => {
      await client.query('SELECT pg_sleep(0.05)')
      heard += 1
    }) as () => void)
    await client.query('LISTEN work')
    await admin.query('NOTIFY work')
    const queries = count([client.query('SELECT pg_sleep(0.05)'), client.query('not even SQL')])
    await draining(resource).done
    expect(queries).toMatchObject({ fulfilled: 1, rejected: 1 })
    expect([heard, resource.tally!()]).toEqual([1, { done: 4, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }])
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: 'closed' })
  })

  test('single client: drained and cut', async () => {
    const drained = new oldest.Client({ ...postgres.config, application_name: 'oldest client' })
    const first = pgClient(drained, { onError: () => {} })
    await drained.connect()
    await drained.query('LISTEN work')
    await drained.query('BEGIN')
    await drained.query('INSERT INTO ledger VALUES (2)')
    expect(first.waitingFor!()).toEqual([expect.stringMatching(/^backend \d+: idle in a transaction$/)])
    const drain = draining(first)
    await drained.query('SELECT pg_sleep(0.05)')
    await drained.query('COMMIT')
    await drain.done
    expect(await rowsOf(admin)).toBe(2)
    const cut = new oldest.Client({ ...postgres.config, application_name: 'oldest client' })
    const second = pgClient(cut, { onError: () => {} })
    await cut.connect()
    const counts = count([cut.query('SELECT pg_sleep(30)')])
    await untilActive(admin, 'oldest client', 1)
    expect(await force(second)).toBeLessThan(500)
    await eventually(() => counts.pending, (pending) => pending === 0)
    expect(await sessionsLeft(admin, 'oldest client')).toBe(0)
  })
})

describe('a pool that keeps its private fields elsewhere', () => {
  const hidden = new Set<string | symbol>(['_clients', '_idle', '_pendingQueue'])
  const hide = (pool: pg.Pool): pg.Pool =>
    new Proxy(pool, {
      get(target, key) {
        if (hidden.has(key)) return undefined
        const value: unknown = Reflect.get(target, key, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })

  test('drains the same', async () => {
    const pool = hide(new pg.Pool({ ...postgres.config, application_name: 'hidden drained', max: 4 }))
    const resource = pgPool(pool, { onError: () => {} })
    const counts = count(Array.from({ length: 30 }, () => pool.query('SELECT pg_sleep(0.01)')))
    await draining(resource).done
    expect(counts.fulfilled).toBe(30)
    expect(await sessionsLeft(admin, 'hidden drained')).toBe(0)
  })

  test('is cut by what its events have told, and says what could not be reached', async () => {
    const pool = hide(new pg.Pool({ ...postgres.config, application_name: 'hidden cut', max: 2 }))
    const resource = pgPool(pool, { onError: () => {} })
    await pool.connect()
    const counts = count([pool.query('SELECT pg_sleep(30)'), pool.query('SELECT 1')])
    await untilActive(admin, 'hidden cut', 1)
    await expect(force(resource)).rejects.toThrow('1 callers that wait for a connection could not be rejected')
    expect(await sessionsLeft(admin, 'hidden cut')).toBe(0)
    expect(counts).toMatchObject({ rejected: 1, pending: 1 })
  })
})
