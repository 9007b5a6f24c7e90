import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { pgClient, pgPool } from '../src/index.ts'
import { count, draining, eventually, force } from './support/contexts.ts'
import { isRowFree, sessions, untilActive } from './support/observe.ts'
import { startBehindPgBouncer, type BehindPgBouncer } from './support/pgbouncer.ts'

let bouncer: BehindPgBouncer
let admin: pg.Client
beforeAll(async () => {
  bouncer = await startBehindPgBouncer(3)
  admin = bouncer.postgres.admin
  await admin.query('CREATE TABLE ledger (id int PRIMARY KEY)')
})
afterAll(() => bouncer.stop())
beforeEach(async () => {
  await admin.query('TRUNCATE ledger')
  await admin.query('INSERT INTO ledger SELECT generate_series(1, 4)')
})
// PgBouncer 1.18 dies of a cancel connection that is half closed.
afterEach(async () => expect(await bouncer.isAlive()).toBe(true))

function createPool(application: string) {
  const pool = new pg.Pool({ ...bouncer.config, application_name: application, max: 4 })
  const resource = pgPool(pool, { onError: () => {} })
  return { pool, resource }
}

/** What PgBouncer's connections to the server do for nobody; an idle one is its own affair. */
async function busyBackends(application: string): Promise<number> {
  const busy = async (): Promise<number> => (await sessions(admin, application)).filter(({ state }) => state !== 'idle').length
  return eventually(busy, (left) => left === 0)
}

async function transaction(pool: pg.Pool, id: number): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('INSERT INTO ledger VALUES ($1)', [id])
    await client.query('SELECT pg_advisory_xact_lock_shared(1)')
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

describe('60 transactions over a pool of 4, and 3 connections of PgBouncer', () => {
  async function sixty(pool: pg.Pool, application: string) {
    await admin.query('SELECT pg_advisory_lock(1)')
    const counts = count(Array.from({ length: 60 }, (_, id) => transaction(pool, 100 + id)))
    await untilActive(admin, application, 3)
    return { counts, goOn: () => admin.query('SELECT pg_advisory_unlock(1)') }
  }
  const ledger = async (): Promise<number> => (await admin.query('SELECT * FROM ledger WHERE id >= 100')).rows.length

  test('the naive pool.end() never answers 56 of them', async () => {
    const { pool } = createPool('bouncer naive')
    const { counts, goOn } = await sixty(pool, 'bouncer naive')
    const ended = pool.end()
    await goOn()
    await ended
    expect(counts).toMatchObject({ fulfilled: 4, pending: 56 })
    expect(await ledger()).toBe(4)
  })

  test('drain commits all', async () => {
    const { pool, resource } = createPool('bouncer drained')
    const { counts, goOn } = await sixty(pool, 'bouncer drained')
    const drained = draining(resource)
    await goOn()
    await drained.done
    expect(counts).toMatchObject({ fulfilled: 60, rejected: 0, pending: 0 })
    expect(await ledger()).toBe(60)
    expect(await busyBackends('bouncer drained')).toBe(0)
  })
})

describe('force', () => {
  test('cancels a 30 s query, also one of a transaction, through PgBouncer, and rolls back; nothing runs on in the server', async () => {
    const { pool, resource } = createPool('bouncer cut')
    const [leaked, inTransaction, busy] = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    await inTransaction.query('BEGIN')
    await inTransaction.query('SELECT * FROM ledger WHERE id = 1 FOR UPDATE')
    await busy.query('BEGIN')
    await busy.query('SELECT * FROM ledger WHERE id = 2 FOR UPDATE')
    const counts = count([busy.query('SELECT pg_sleep(30)'), pool.query('SELECT pg_sleep(30)'), pool.connect()])
    await untilActive(admin, 'bouncer cut', 2)
    const drained = draining(resource)
    drained.abort()
    expect(await force(resource)).toBeLessThan(500)
    expect(counts).toMatchObject({ rejected: 3, pending: 0 })
    expect(await busyBackends('bouncer cut')).toBe(0)
    expect(await isRowFree(admin, 1)).toBe(true)
    expect(await isRowFree(admin, 2)).toBe(true)
    leaked.release()
  })

  test('control: a pool whose sockets are only destroyed leaves its query running, and its lock taken', async () => {
    const { pool } = createPool('bouncer destroyed')
    const client = await pool.connect()
    client.on('error', () => {})
    await client.query('BEGIN')
    await client.query('SELECT * FROM ledger WHERE id = 1 FOR UPDATE')
    const counts = count([client.query('SELECT pg_sleep(30)')])
    await untilActive(admin, 'bouncer destroyed', 1)
    client.connection.stream.destroy()
    await eventually(() => counts.rejected, (rejected) => rejected === 1)
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(await sessions(admin, 'bouncer destroyed')).toMatchObject([{ state: 'active' }])
    await expect(admin.query('SELECT * FROM ledger WHERE id = 1 FOR UPDATE NOWAIT')).rejects.toThrow('could not obtain lock')
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', ['bouncer destroyed'])
  })

  test('rejects what waits in PgBouncer for a connection, too, and nothing goes on', async () => {
    const { pool, resource } = createPool('bouncer queue')
    const counts = count([1, 2, 3, 4].map(() => pool.query('SELECT pg_sleep(30)')))
    await untilActive(admin, 'bouncer queue', 3)
    // On a busy machine 100 ms may be over before PgBouncer has answered, which then carries out what waits in it.
    expect(await force(resource, 1_000)).toBeLessThan(1_000)
    expect(counts).toMatchObject({ rejected: 4, pending: 0 })
    expect(await busyBackends('bouncer queue')).toBe(0)
  })

  test('is bounded when the backend behind PgBouncer is frozen, and its query is cancelled when it wakes', async () => {
    const { pool, resource } = createPool('bouncer frozen backend')
    const counts = count([pool.query('SELECT pg_sleep(30)'), pool.query('SELECT pg_sleep(30)')])
    await untilActive(admin, 'bouncer frozen backend', 2)
    const { pid } = (await sessions(admin, 'bouncer frozen backend'))[0]!
    await bouncer.postgres.signalBackend(pid, 'STOP')
    onTestFinished(() => bouncer.postgres.signalBackend(pid, 'CONT'))
    expect(await force(resource)).toBeLessThan(500)
    expect(counts).toMatchObject({ rejected: 2, pending: 0 })
    await bouncer.postgres.signalBackend(pid, 'CONT')
    expect(await busyBackends('bouncer frozen backend')).toBe(0)
  })

  test('is bounded when PgBouncer itself is frozen; the server notices by client_connection_check_interval', async () => {
    await admin.query('CREATE DATABASE checked')
    await admin.query("ALTER DATABASE checked SET client_connection_check_interval = '100ms'")
    const pool = new pg.Pool({ ...bouncer.config, database: 'checked', application_name: 'frozen bouncer', max: 4 })
    const resource = pgPool(pool, { onError: () => {} })
    const client = await pool.connect()
    const counts = count([pool.query('SELECT pg_sleep(30)')])
    await untilActive(admin, 'frozen bouncer', 1)
    await bouncer.freeze()
    onTestFinished(() => bouncer.thaw())
    const late = count([pool.query('SELECT 1'), client.query('SELECT 1')])
    const drained = draining(resource)
    drained.abort()
    expect(await force(resource)).toBeLessThan(500)
    await eventually(() => counts.pending + late.pending, (pending) => pending === 0)
    expect(counts).toMatchObject({ rejected: 1, pending: 0 })
    expect(late).toMatchObject({ rejected: 2, pending: 0 })
    await new Promise((resolve) => setTimeout(resolve, 400))
    await bouncer.thaw()
    expect(await busyBackends('frozen bouncer')).toBe(0)
  })
})

test('an idle pool goes in time though PgBouncer is frozen', async () => {
  const { pool, resource } = createPool('frozen bouncer idle')
  await pool.query('SELECT 1')
  await bouncer.freeze()
  onTestFinished(() => bouncer.thaw())
  await draining(resource).done
  expect(pool.ended).toBe(true)
  await bouncer.thaw()
})

test('a single client drains, and is cut', async () => {
  const create = async () => {
    const client = new pg.Client({ ...bouncer.config, application_name: 'bouncer client' })
    const resource = pgClient(client, { onError: () => {} })
    await client.connect()
    return { client, resource }
  }
  const drained = await create()
  const query = count([drained.client.query('SELECT pg_sleep(0.05)')])
  await draining(drained.resource).done
  expect(query.fulfilled).toBe(1)
  const cut = await create()
  const counts = count([cut.client.query('SELECT pg_sleep(30)')])
  await untilActive(admin, 'bouncer client', 1)
  expect(await force(cut.resource)).toBeLessThan(500)
  expect(counts.rejected).toBe(1)
  expect(await busyBackends('bouncer client')).toBe(0)
})

describe('what the README says of PgBouncer', () => {
  test.each(['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'])('%s of the pool is refused, that of the database is kept', async (setting) => {
    const pool = new pg.Pool({ ...bouncer.config, [setting]: 1_000 })
    await expect(pool.query('SELECT 1')).rejects.toThrow(`unsupported startup parameter: ${setting}`)
    await pool.end()
    await admin.query(`CREATE DATABASE with_${setting}`)
    await admin.query(`ALTER DATABASE with_${setting} SET ${setting} = '1234ms'`)
    const client = new pg.Client({ ...bouncer.config, database: `with_${setting}` })
    await client.connect()
    const { rows } = await client.query<Record<string, string>>(`SHOW ${setting}`)
    await client.end()
    expect(rows[0]![setting]).toBe('1234ms')
  })

  test('LISTEN hears nothing in transaction mode', async () => {
    const client = new pg.Client(bouncer.config)
    await client.connect()
    let heard = 0
    client.on('notification', () => (heard += 1))
    await client.query('LISTEN work')
    await admin.query("NOTIFY work, 'lost'")
    await client.query('SELECT pg_sleep(0.1)')
    await client.end()
    expect(heard).toBe(0)
  })
})
