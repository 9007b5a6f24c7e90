import { EventEmitter, once } from 'node:events'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createLifecycle } from '@lameduck/core'
import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { pgPool, type PgPoolOptions } from '../src/index.ts'
import { count, draining, eventually, force } from './support/contexts.ts'
import { rollbacks, rowsOf, sixtyTransactions, waitForGate } from './support/ledger.ts'
import { isRowFree, sessions, sessionsLeft, untilActive } from './support/observe.ts'
import { createDatabase, type Database } from './support/postgres.ts'

let postgres: Database
let admin: pg.Client
beforeAll(async () => {
  postgres = await createDatabase()
  admin = postgres.admin
  await admin.query('CREATE TABLE ledger (id int PRIMARY KEY)')
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  await admin.query('TRUNCATE ledger')
})

let pools = 0
function createPool(config: pg.PoolConfig = {}, options: PgPoolOptions = {}) {
  const application = `app ${(pools += 1)}`
  const pool = new pg.Pool({ ...postgres.config, application_name: application, max: 4, ...config })
  const resource = pgPool(pool, { onError: () => {}, ...options })
  onTestFinished(async () => void (await force(resource)))
  return { pool, resource, application }
}

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
    client.release()
    await drained.done
    expect(errors).toEqual(['terminating connection due to administrator command'])
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
    expect([...counts.errors, ...late.errors]).toEqual(Array(9).fill('Error: the pool "pg" is stopping, and no connection was free'))
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

    const left = createPool({}, { end: () => {} })
    const backend = async (): Promise<number> => (await left.pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid
    const before = await backend()
    await draining(left.resource).done
    expect(left.pool.ending).toBe(false)
    expect(await backend()).toBe(before)
    await force(left.resource)
    expect(await sessionsLeft(admin, left.application)).toBe(0)
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
    await expect(draining(resource).done).rejects.toThrow('while 2 callers waited')
    expect(abandoned).toMatchObject({ rejected: 2, pending: 0 })
    expect(abandoned.errors[0]).toContain('was ended before a connection was free')
  })
})

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
    expect(told).toEqual([expect.stringContaining('was cut'), expect.stringContaining('Cannot use a pool after calling end')])
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

describe('in a lifecycle', () => {
  test('a leaked client is cut at its deadline, and the report names where it was taken', async () => {
    const { pool, resource, application } = createPool({}, { traceCheckouts: true, timeoutMs: 50 })
    const lifecycle = createLifecycle({ policy: { graceMs: 10_000 } })
    lifecycle.add(resource)
    await lifecycle.start()
    const leak = async (): Promise<void> => void (await pool.connect())
    await leak()
    const report = await lifecycle.stop()
    expect(report).toMatchObject({ result: 'forced', exitCode: 71 })
    expect(report.steps[0]).toMatchObject({ outcome: 'forced', inFlight: { atStop: 1, atForce: 1 }, errors: [] })
    expect(report.steps[0]!.waitingFor[0]).toMatch(/^backend \d+: not released, taken 0\.\d s ago at .*pg-pool\.test\.ts:\d+:\d+/)
    expect(await sessionsLeft(admin, application)).toBe(0)
  })

  test('an idle pool is idle, a used one drained', async () => {
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
})

describe('waitingFor', () => {
  test('says what every connection does, who waits, and who took it', async () => {
    const { pool, resource } = createPool({ max: 3 }, { traceCheckouts: true })
    const viaCallback = new Promise<pg.PoolClient>((resolve, reject) => pool.connect((error, client) => (client ? resolve(client) : reject(error))))
    const inTransaction = await viaCallback
    await inTransaction.query('BEGIN')
    await pool.connect()
    const query = count([pool.query('SELECT pg_sleep(30)'), pool.query('SELECT 1')])
    await eventually(() => resource.waitingFor!(), (lines) => lines.length === 4 && lines[2]!.includes('running'))
    const lines = resource.waitingFor!()
    expect(lines[0]).toMatch(/^backend \d+: idle in a transaction, taken .* at .*pg-pool\.test\.ts/)
    expect(lines[1]).toMatch(/: not released, taken /)
    expect(lines[2]).toMatch(/: running a query, taken .* at .*pg-pool\.test\.ts/)
    expect(lines[3]).toBe('1 caller waits for a connection')
    await force(resource)
    expect(resource.waitingFor!()).toEqual([])
    expect(query.rejected).toBe(2)
  })

  test('knows clients that were taken before the registration', async () => {
    const pool = new pg.Pool({ ...postgres.config, application_name: 'late', max: 4 })
    const client = await pool.connect()
    await pool.query('SELECT 1')
    const resource = pgPool(pool, { onError: () => {} })
    expect(resource.inFlight!()).toBe(1)
    expect(resource.waitingFor!()).toHaveLength(1)
    const lost = new Promise<void>((resolve) => client.on('end', resolve))
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', ['late'])
    await lost
    await force(resource)
    expect(await sessionsLeft(admin, 'late')).toBe(0)
    expect(pool.ended).toBe(true)
  })
})

describe('errors of connections', () => {
  test('go to onError once each; without it and without a listener they are process warnings', async () => {
    const errors: string[] = []
    const heard = createPool({}, { onError: (error) => errors.push(error.message) })
    const unheard = new pg.Pool({ ...postgres.config, application_name: 'unheard', max: 4 })
    const resource = pgPool(unheard)
    const warning = once(process, 'warning')
    for (const pool of [heard.pool, unheard]) await pool.query('SELECT 1')
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ANY($1)', [[heard.application, 'unheard']])
    const [{ name, message }] = (await warning) as [Error]
    expect(name).toBe('LameduckPgWarning')
    expect(message).toContain('a pg connection was lost')
    await eventually(() => errors.length, (heardErrors) => heardErrors > 0)
    await heard.pool.query('SELECT 1')
    expect(errors).toEqual(['terminating connection due to administrator command'])
    await draining(resource).done
  })
})

describe('check', () => {
  const ask = (resource: { check?: unknown }, signal = AbortSignal.timeout(500)): Promise<void> =>
    Promise.resolve((resource as { check(context: { signal: AbortSignal }): Promise<void> }).check({ signal }))

  test('passes on a pool that answers, and on one that is full with none waiting', async () => {
    const { pool, resource } = createPool({ max: 1 })
    await ask(resource)
    await pool.connect()
    await ask(resource)
    expect(pool.waitingCount).toBe(0)
  })

  test('reports an exhausted pool as busy, without queueing', async () => {
    const { pool, resource } = createPool({ max: 1 })
    await pool.connect()
    const waiting = count([pool.connect()])
    await expect(ask(resource)).rejects.toThrow(/^busy: 1 connections are in use and 1 callers wait/)
    expect(pool.waitingCount).toBe(1)
    await force(resource)
    expect(waiting.rejected).toBe(1)
  })

  test('rejects on a server that refuses, and on a pool that has ended', async () => {
    const refused = createPool({ port: 1 })
    await expect(ask(refused.resource)).rejects.toThrow('ECONNREFUSED')
    const ended = createPool()
    await ended.pool.end()
    await expect(ask(ended.resource)).rejects.toThrow('the pool has been ended')
  })
})

test('what is not a pool is refused with a word of advice', () => {
  expect(() => pgPool(new pg.Client() as never)).toThrow('A single Client goes to pgClient()')
  expect(() => pgPool(undefined as never)).toThrow('it was given undefined')
})

describe('warnings', () => {
  test('name what will hurt, each with its fix', () => {
    const pool = new pg.Pool({ query_timeout: 1_000 })
    const { warnings } = pgPool(pool)
    expect(warnings).toHaveLength(3)
    expect(warnings![0]).toContain('connectionTimeoutMillis: 5_000')
    expect(warnings![1]).toContain('statement_timeout: 9_000')
    expect(warnings![2]).toContain('onError')
  })

  test('know pg-native by its class, before there is a connection', () => {
    // As little as that has in common with the JavaScript client.
    class Native extends EventEmitter {
      connect(): void {}
      query(): void {}
      end(): void {}
    }
    const pool = new pg.Pool({ connectionTimeoutMillis: 5_000, Client: Native } as unknown as pg.PoolConfig)
    expect(pgPool(pool, { onError: () => {} }).warnings).toEqual([expect.stringContaining('use the JavaScript client of pg')])
  })

  test('are none for a pool that is set up well', () => {
    const pool = new pg.Pool({ connectionTimeoutMillis: 5_000, query_timeout: 10_000, statement_timeout: 9_000 })
    pool.on('error', () => {})
    expect(pgPool(pool).warnings).toEqual([])
    const byUrl = new pg.Pool({ connectionTimeoutMillis: 5_000, query_timeout: 10_000, connectionString: 'postgres://h/d?statement_timeout=9000' })
    expect(pgPool(byUrl, { onError: () => {} }).warnings).toEqual([])
  })
})
