import { createLifecycle } from '@lameduck/core'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { pgPool } from '../src/index.ts'
import { count, draining, eventually, force } from './support/contexts.ts'
import { rollbacks, rowsOf, sixtyTransactions, waitForGate, withLedger } from './support/ledger.ts'
import { sessions, sessionsLeft, untilActive } from './support/observe.ts'
import { poolsOf } from './support/pools.ts'
import type { Database } from './support/postgres.ts'

let postgres: Database
let admin: pg.Client
withLedger((database) => {
  postgres = database
  admin = database.admin
})

const createPool = poolsOf('drained', () => postgres)

async function transaction(pool: pg.Pool, id: number): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('INSERT INTO ledger VALUES ($1)', [id])
    await client.query(waitForGate(id))
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

describe('60 transactions over a pool of 4, of which 4 have committed and 4 are running', () => {
  test('the naive pool.end() settles, and 52 promises never do', async () => {
    const naive = new pg.Pool({ ...postgres.config, application_name: 'naive', max: 4 })
    const { counts, goOn } = await sixtyTransactions(admin, 'naive', (id) => transaction(naive, id))
    const ended = naive.end()
    await goOn()
    await ended
    expect(await sessionsLeft(admin, 'naive')).toBe(0)
    expect(counts).toMatchObject({ fulfilled: 8, rejected: 0, pending: 52 })
    expect(await rowsOf(admin)).toBe(8)
  })

  test('drain commits all 60, and leaves no session', async () => {
    const { pool, resource, application } = createPool()
    const { counts, goOn } = await sixtyTransactions(admin, application, (id) => transaction(pool, id))
    const rollbacksBefore = await rollbacks(admin)
    expect(resource.inFlight!()).toBe(56)
    const drained = draining(resource)
    await goOn()
    await drained.done
    expect(counts).toMatchObject({ fulfilled: 60, rejected: 0, pending: 0 })
    expect(await rowsOf(admin)).toBe(60)
    expect(await rollbacks(admin)).toBe(rollbacksBefore)
    expect(await sessions(admin, application)).toEqual([])
    expect(resource.inFlight!()).toBe(0)
  })
})

describe('drain', () => {
  test('goes on serving code that lets go of its connection between two queries', async () => {
    const { pool, resource } = createPool()
    const client = await pool.connect()
    const drained = draining(resource)
    client.release()
    const second = (async () => (await pool.query('SELECT 1'), await pool.query('SELECT 2')))()
    await expect(second).resolves.toBeDefined()
    await drained.done
    expect(pool.ended).toBe(true)
  })

  test('waits for a connection that is still being opened', async () => {
    const { pool, resource } = createPool()
    const opening = pool.query('SELECT 1')
    const drained = draining(resource)
    await expect(opening).resolves.toBeDefined()
    await drained.done
  })

  test('notices a failed connect and a wait that timed out, which pg-pool does not tell', async () => {
    const { pool, resource } = createPool({ max: 1, port: 1 })
    const failed = pool.query('SELECT 1')
    const drained = draining(resource)
    await expect(failed).rejects.toThrow('ECONNREFUSED')
    await drained.done
  })

  test('goes on when the backend of a checked-out client is terminated, and ends no process by it', async () => {
    const errors: string[] = []
    const { pool, resource } = createPool({}, { onError: (error) => errors.push(error.message) })
    const client = await pool.connect()
    await client.query('BEGIN')
    const drained = draining(resource)
    const { rows } = await admin.query<{ pid: number }>("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()")
    const lost = new Promise<void>((resolve) => client.on('end', resolve))
    await admin.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid])
    await lost
    expect(resource.waitingFor!()).toEqual([expect.stringMatching(/^backend \d+: lost, but not released, taken /)])
    client.release()
    await drained.done
    expect(errors).toEqual(['terminating connection due to administrator command'])
  })

  test('is not delayed by an idle client that the application has ended and that was lent once more', async () => {
    const { pool, resource } = createPool()
    const client = (await pool.connect()) as pg.PoolClient & pg.Client
    client.release()
    await client.end()
    await expect(pool.query('SELECT 1')).rejects.toThrow('not queryable')
    const begunAt = performance.now()
    await draining(resource).done
    // Where it were taken for open, its end would be waited for.
    expect(performance.now() - begunAt).toBeLessThan(150)
  })

  test('settles when it is aborted, and force still cuts', async () => {
    const { pool, resource, application } = createPool()
    await pool.connect()
    const drained = draining(resource)
    drained.abort()
    await expect(drained.done).rejects.toThrow('the deadline has passed')
    await force(resource)
    expect(await sessionsLeft(admin, application)).toBe(0)
  })

  test('tolerates a pool that the application has ended, before and during it', async () => {
    const before = createPool()
    await before.pool.query('SELECT 1')
    await before.pool.end()
    await draining(before.resource).done

    const during = createPool()
    const client = await during.pool.connect()
    const drained = draining(during.resource)
    const ended = during.pool.end()
    await client.query('SELECT 1')
    client.release()
    await drained.done
    await ended
    await expect(draining(during.resource).done).resolves.toBeUndefined()
  })

  test('gives waiting callers an error at once when that is wanted, newcomers too, and finishes what runs', async () => {
    const { pool, resource, application } = createPool({ max: 2 }, { waiters: 'reject' })
    await admin.query('SELECT pg_advisory_lock(2)')
    const counts = count(Array.from({ length: 10 }, (_, id) => transaction(pool, 10 + id)))
    await untilActive(admin, application, 2)
    const drained = draining(resource)
    await eventually(() => counts.rejected, (rejected) => rejected === 8)
    const late = count([pool.query('SELECT 1')])
    await eventually(() => late.rejected, (rejected) => rejected === 1)
    expect([...counts.errors, ...late.errors]).toEqual(Array(9).fill('LifecycleError: the pool "pg" is stopping, and no connection was free'))
    await admin.query('SELECT pg_advisory_unlock(2)')
    await drained.done
    expect(counts).toMatchObject({ fulfilled: 2, rejected: 8, pending: 0 })
    expect(await rowsOf(admin)).toBe(2)
  })

  test('lets waiting callers have the wait that the pool allows them', async () => {
    const { pool, resource } = createPool({ max: 1, connectionTimeoutMillis: 50 })
    const client = await pool.connect()
    const waiting = count([pool.query('SELECT 1')])
    const drained = draining(resource)
    await eventually(() => waiting.rejected, (rejected) => rejected === 1)
    expect(waiting.errors[0]).toContain('timeout exceeded when trying to connect')
    client.release()
    await drained.done
  })

  test('ends the pool by what it was given, and reports when that fails', async () => {
    let calls = 0
    const ended = createPool({}, { end: () => ((calls += 1), ended.pool.query('SELECT 1').then(() => Promise.reject(new Error('the owner cannot end it')))) })
    await ended.pool.query('SELECT 1')
    const both = [draining(ended.resource).done, draining(ended.resource).done]
    for (const drained of both) await expect(drained).rejects.toThrow('the owner cannot end it')
    expect(calls).toBe(1)

    let asked = false
    const silent = createPool({}, { end: () => ((asked = true), new Promise(() => {})) })
    const drained = draining(silent.resource)
    await eventually(() => asked, (ended) => ended)
    drained.abort()
    await expect(drained.done).rejects.toThrow('the deadline has passed')
  })

  test('lets the application end the pool once more, as force does', async () => {
    const drained = createPool()
    await draining(drained.resource).done
    await drained.pool.end()
    const cut = createPool()
    await cut.pool.connect()
    await force(cut.resource)
    await cut.pool.end()
    await new Promise<void>((resolve) => cut.pool.end(resolve))
  })

  test('rejects the callers that the application abandoned by pool.end(), and says so', async () => {
    const { pool, resource } = createPool({ max: 1 })
    const client = await pool.connect()
    const abandoned = count([pool.query('SELECT 1'), pool.connect()])
    const ended = pool.end()
    client.release()
    await ended
    await draining(resource).done
    expect(abandoned).toMatchObject({ rejected: 2, pending: 0 })
    expect(abandoned.errors[0]).toContain('the application ended the pool "pg" before a connection was free')
    expect(resource.tally!()).toMatchObject({ failed: 2, reasons: ['waiting for a connection: the application ended the pool "pg" before a connection was free; leave ending it to the lifecycle (×2)'] })
  })
})

test('in a lifecycle an idle pool is idle, a used one drained', async () => {
  const idle = createPool({}, { name: 'idle' })
  const used = createPool({}, { name: 'used' })
  const lifecycle = createLifecycle({ policy: { graceMs: 10_000 } })
  lifecycle.add(idle.resource)
  lifecycle.add(used.resource)
  await lifecycle.start()
  const query = used.pool.query('SELECT pg_sleep(0.05)')
  const report = await lifecycle.stop()
  await query
  expect(report.steps.map((step) => `${step.name} ${step.outcome}`).toSorted()).toEqual(['idle idle', 'used drained'])
})

test('what is not a pool is refused with a word of advice', () => {
  expect(() => pgPool(new pg.Client() as never)).toThrow('A single Client goes to pgClient()')
  expect(() => pgPool(undefined as never)).toThrow('it was given undefined')
})
