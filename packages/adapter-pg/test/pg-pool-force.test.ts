import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import QueryStream from 'pg-query-stream'
import { describe, expect, test } from 'vitest'
import { count, draining, eventually, force } from './support/contexts.ts'
import { rowsOf, withLedger } from './support/ledger.ts'
import { isRowFree, sessionsLeft, untilActive } from './support/observe.ts'
import { poolsOf } from './support/pools.ts'
import type { Database } from './support/postgres.ts'

let postgres: Database
let admin: pg.Client
withLedger((database) => {
  postgres = database
  admin = database.admin
})

const createPool = poolsOf('cut', () => postgres)

describe('force', () => {
  test('cancels a 30 s query and its queue, rejects everyone and frees the locks', async () => {
    const { pool, resource, application } = createPool({ max: 2 })
    await admin.query('INSERT INTO ledger VALUES (1), (2)')
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT * FROM ledger WHERE id = 1 FOR UPDATE')
    const counts = count([client.query('SELECT pg_sleep(30)'), client.query('SELECT pg_sleep(31)'), pool.query('SELECT pg_sleep(30)'), pool.query('SELECT 1')])
    await untilActive(admin, application, 2)
    const drained = draining(resource)
    drained.abort()
    expect(await force(resource)).toBeLessThan(500)
    expect(await isRowFree(admin, 1)).toBe(true)
    expect(await sessionsLeft(admin, application)).toBe(0)
    expect(counts).toMatchObject({ fulfilled: 0, rejected: 4, pending: 0 })
    expect(counts.errors[0]).toContain('was cut')
    // What the application still does in its `finally` must not throw.
    client.release()
  })

  test('leaves the release of a client to its owner, by callback too, and counts it no more', async () => {
    const { pool, resource } = createPool()
    const released = await new Promise<() => void>((resolve, reject) => pool.connect((error, _client, done) => (error ? reject(error) : resolve(done))))
    const client = await pool.connect()
    await force(resource)
    expect(pool).toMatchObject({ ended: true, totalCount: 0 })
    released()
    client.release(new Error('it was lost'))
    expect(pool.totalCount).toBe(0)
    expect(resource.waitingFor!()).toEqual([])
  })

  test('rolls back and frees an idle transaction, a leaked client and an idle one', async () => {
    const errors: Error[] = []
    const { pool, resource, application } = createPool({ max: 3 }, { onError: (error) => errors.push(error) })
    await admin.query('INSERT INTO ledger VALUES (1)')
    const [inTransaction, , idle] = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    pool.on('error', (error) => errors.push(error))
    for (const client of [inTransaction, idle]) client.on('error', (error) => errors.push(error))
    await inTransaction.query('BEGIN')
    await inTransaction.query('INSERT INTO ledger VALUES (2)')
    await inTransaction.query('SELECT * FROM ledger WHERE id = 1 FOR UPDATE')
    idle.release()
    expect(await force(resource)).toBeLessThan(500)
    expect(await isRowFree(admin, 1)).toBe(true)
    expect(await sessionsLeft(admin, application)).toBe(0)
    expect(await rowsOf(admin)).toBe(1)
    expect(pool.ended).toBe(true)
    expect(errors).toEqual([])
  })

  test('may be called in every state, twice, and at once', async () => {
    const never = createPool()
    await force(never.resource)
    await force(never.resource)

    const drained = createPool()
    await drained.pool.query('SELECT 1')
    await draining(drained.resource).done
    await force(drained.resource)

    const busy = createPool()
    const query = count([busy.pool.query('SELECT pg_sleep(30)')])
    await untilActive(admin, busy.application, 1)
    await Promise.all([force(busy.resource), force(busy.resource)])
    await force(busy.resource)
    expect(await sessionsLeft(admin, busy.application)).toBe(0)
    expect(query.rejected).toBe(1)
  })

  test('refuses a caller that, told of its end, asks again at once', async () => {
    const { pool, resource } = createPool({ max: 1 })
    await pool.connect()
    const told: string[] = []
    const ask = (): void => pool.connect((error) => void (told.push(String(error?.message)) < 2 && ask()))
    ask()
    await force(resource)
    expect(told).toEqual([expect.stringContaining('was cut'), expect.stringContaining('is closed, since the service stops')])
    expect(pool.waitingCount).toBe(0)
  })

  test('frees the slot of a caller that still catches and retries', async () => {
    const { pool, resource, application } = createPool({ max: 1 })
    const retrying = (async () => {
      const client = await pool.connect()
      try {
        await client.query('SELECT pg_sleep(30)')
      } catch {
        await client.query('SELECT pg_sleep(30)')
      } finally {
        client.release()
      }
    })()
    const counts = count([retrying])
    await untilActive(admin, application, 1)
    await force(resource)
    expect(await sessionsLeft(admin, application)).toBe(0)
    expect(counts.rejected).toBe(1)
  })

  test('settles the pipeline of a query stream, flowing or held back', async () => {
    const { pool, resource, application } = createPool()
    const rows = 'SELECT generate_series(1, 1000000) AS id'
    const flowing = await pool.connect()
    const heldBack = await pool.connect()
    let seen = 0
    let resume = (): void => {}
    const slow = new Writable({ objectMode: true, highWaterMark: 1, write: (_row, _encoding, next) => void ((seen += 1), seen === 1 ? (resume = next) : next()) })
    const counts = count([
      pipeline(flowing.query(new QueryStream(rows)), new Writable({ objectMode: true, write: (_row, _encoding, next) => setImmediate(next) })),
      pipeline(heldBack.query(new QueryStream(rows)), slow),
    ])
    await eventually(() => seen, (rowsSeen) => rowsSeen > 0)
    await force(resource)
    resume()
    await eventually(() => counts.pending, (pending) => pending === 0)
    expect(counts).toMatchObject({ rejected: 2, pending: 0 })
    expect(await sessionsLeft(admin, application)).toBe(0)
  })
})
