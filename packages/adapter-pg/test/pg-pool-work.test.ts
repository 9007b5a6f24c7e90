import { tcpLink } from '@lameduck/conformance'
import { createLifecycle, type Lifecycle, type Report, type Resource } from '@lameduck/core'
import pg from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { pgPool } from '../src/index.ts'
import { count, eventually, force } from './support/contexts.ts'
import { rowsOf, withLedger } from './support/ledger.ts'
import { untilActive } from './support/observe.ts'
import { poolsOf } from './support/pools.ts'
import type { Database } from './support/postgres.ts'

let postgres: Database
let admin: pg.Client
withLedger((database) => {
  postgres = database
  admin = database.admin
})

const createPool = poolsOf('worked', () => postgres)

/** A lifecycle that has started, with this resource. */
async function started(resource: Resource, timeoutMs: number = 20_000): Promise<Lifecycle> {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 30_000, phases: { connections: { timeoutMs, reserveMs: 1_000 } } } })
  lifecycle.add(resource)
  await lifecycle.start()
  return lifecycle
}

const workOf = ({ steps }: Report): unknown => steps[0]?.work

async function holdGate(): Promise<() => Promise<unknown>> {
  await admin.query('SELECT pg_advisory_lock(1)')
  return () => admin.query('SELECT pg_advisory_unlock(1)')
}

const pastTheGate = 'SELECT pg_advisory_xact_lock_shared(1)'

describe('what becomes of the uses of a pool while it drains', () => {
  test('callers that their own connectionTimeoutMillis rejects have failed, whether they waited before the signal or came after it', async () => {
    const { pool, resource, application } = createPool({ max: 1, connectionTimeoutMillis: 300 })
    const openGate = await holdGate()
    const lifecycle = await started(resource)
    const before = count([pool.query(pastTheGate), pool.query('SELECT 1'), pool.query('SELECT 2'), pool.connect()])
    await untilActive(admin, application, 1)
    const stopped = lifecycle.stop()
    const after = count([pool.query('SELECT 3'), new Promise((resolve, reject) => pool.query('SELECT 4', (error) => (error ? reject(error) : resolve(undefined)))), pool.connect()])
    await eventually(() => before.rejected + after.rejected, (rejected) => rejected === 6)
    await openGate()
    const report = await stopped
    expect(report).toMatchObject({ result: 'failed', exitCode: 72 })
    expect(report.steps[0]).toMatchObject({
      outcome: 'failed',
      work: { done: 1, failed: 6, cut: 0, refused: 0, unknown: 0, reasons: ['waiting for a connection: timeout exceeded when trying to connect (×6)'] },
      errors: ['6 of 7 failed while it stopped (waiting for a connection: timeout exceeded when trying to connect (×6))'],
    })
    expect(before).toMatchObject({ fulfilled: 1, rejected: 3 })
  })

  test('a caller whose time was over is not in the way of the next one', async () => {
    const { pool, resource, application } = createPool({ max: 1, connectionTimeoutMillis: 200 })
    const openGate = await holdGate()
    const lifecycle = await started(resource)
    const running = pool.query(pastTheGate)
    const late = count([pool.query('SELECT 1')])
    await untilActive(admin, application, 1)
    const stopped = lifecycle.stop()
    await eventually(() => late.rejected, (rejected) => rejected === 1)
    expect(pool.waitingCount).toBe(0)
    await openGate()
    await running
    expect(workOf(await stopped)).toMatchObject({ done: 1, failed: 1 })
  })

  test('a caller whose time was over while his connection was still being opened has failed', async () => {
    const link = await tcpLink({ host: postgres.config.host, port: postgres.config.port })
    onTestFinished(() => link.close())
    const { pool, resource } = createPool({ port: link.port, max: 1, connectionTimeoutMillis: 1_000 })
    const lifecycle = await started(resource)
    const taken = await pool.connect()
    const waiting = count([pool.query('SELECT 1')])
    await new Promise((resolve) => setTimeout(resolve, 600))
    pool.once('remove', () => link.freeze())
    taken.release(true)
    await eventually(() => pool.waitingCount, (waitingCount) => waitingCount === 0)
    const stopped = lifecycle.stop()
    await eventually(() => waiting.rejected, (rejected) => rejected === 1)
    link.thaw()
    expect(workOf(await stopped)).toMatchObject({ done: 0, failed: 1, reasons: ['waiting for a connection: timeout exceeded when trying to connect'] })
  })

  test('what the server answers is done, an error of its own included, and all that wait are served', async () => {
    const { pool, resource, application } = createPool({ max: 2 })
    const openGate = await holdGate()
    await admin.query('INSERT INTO ledger VALUES (1)')
    const lifecycle = await started(resource)
    const transactions = [2, 3].map(async (id) => {
      const client = await pool.connect()
      await client.query('BEGIN')
      await client.query(pastTheGate)
      await client.query('INSERT INTO ledger VALUES ($1)', [id])
      await client.query('COMMIT')
      client.release()
    })
    const refused = count([pool.query('INSERT INTO ledger VALUES (1)'), pool.query('not even SQL')])
    await untilActive(admin, application, 2)
    const stopped = lifecycle.stop()
    await openGate()
    const report = await stopped
    await Promise.all(transactions)
    expect(report.result).toBe('clean')
    expect(workOf(report)).toEqual({ done: 4, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] })
    expect(refused.errors.toSorted()).toEqual([expect.stringContaining('duplicate key'), expect.stringContaining('syntax error')])
    expect(await rowsOf(admin)).toBe(3)
  })

  test.each<[string, (pool: pg.Pool) => Promise<unknown>, string]>([
    ['a query of the pool', (pool) => pool.query(pastTheGate), 'SELECT: terminating connection due to administrator command'],
    [
      'a query of a client that is then released as if nothing were',
      async (pool) => {
        const client = await pool.connect()
        await client.query(pastTheGate).catch(() => {})
        client.release()
      },
      'SELECT: terminating connection due to administrator command',
    ],
  ])('%s whose backend is terminated has failed', async (_what, work, reason) => {
    const { pool, resource, application } = createPool()
    await holdGate().then((openGate) => onTestFinished(async () => void (await openGate())))
    const lifecycle = await started(resource)
    const counts = count([work(pool)])
    await untilActive(admin, application, 1)
    const stopped = lifecycle.stop()
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [application])
    const report = await stopped
    expect(report.result).toBe('failed')
    expect(workOf(report)).toMatchObject({ done: 0, failed: 1, reasons: [reason] })
    expect(counts.pending).toBe(0)
  })

  test('a connection that is lost between two queries of a transaction has failed, and so has one that could not be opened', async () => {
    const { pool, resource, application } = createPool()
    const lifecycle = await started(resource)
    const client = await pool.connect()
    await client.query('BEGIN')
    const stopped = lifecycle.stop()
    const lost = new Promise<void>((resolve) => client.on('end', resolve))
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [application])
    await lost
    client.release()
    expect(workOf(await stopped)).toMatchObject({ failed: 1, reasons: ['a connection: terminating connection due to administrator command'] })

    const refused = createPool({ port: 1 })
    const other = createLifecycle({ env: {} })
    other.add(refused.resource)
    const opening = [count([refused.pool.query('SELECT 1')])]
    const otherStopped = other.stop()
    opening.push(count([refused.pool.query('SELECT 1')]))
    expect(workOf(await otherStopped)).toMatchObject({ failed: 2, reasons: ['waiting for a connection: connect ECONNREFUSED 127.0.0.1:1 (×2)'] })
    for (const { errors } of opening) expect(errors).toEqual([expect.stringContaining('ECONNREFUSED')])
  })

  test('a query that times out on our side (query_timeout) has failed, also where its owner rolls back and releases', async () => {
    const { pool, resource, application } = createPool({ query_timeout: 200 })
    const openGate = await holdGate()
    const lifecycle = await started(resource)
    const work = (async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      await client.query(pastTheGate).catch(() => {})
      await client.query({ text: 'ROLLBACK', query_timeout: 20_000 } as pg.QueryConfig)
      client.release()
    })()
    const timedOut = count([pool.query(pastTheGate)])
    await untilActive(admin, application, 2)
    const stopped = lifecycle.stop()
    await eventually(() => timedOut.rejected, (rejected) => rejected === 1)
    await openGate()
    await work
    expect(workOf(await stopped)).toMatchObject({ done: 0, failed: 2, reasons: ['SELECT: Query read timeout (×2)'] })
  })

  test('what is cut is counted, and rejects with one error, waiting or running; so does what is called later', async () => {
    const { pool, resource, application } = createPool({ max: 1 })
    const lifecycle = await started(resource, 100)
    const taken = await pool.connect()
    const running = taken.query('SELECT pg_sleep(30)')
    const waiting = [pool.query('SELECT 1'), pool.connect()]
    for (const each of [running, ...waiting]) each.catch(() => {})
    await untilActive(admin, application, 1)
    const report = await lifecycle.stop()
    expect(report).toMatchObject({ result: 'forced', steps: [{ outcome: 'forced', inFlight: { atForce: 3 }, work: { done: 0, failed: 0, cut: 3, refused: 0 } }] })
    await expect(running).rejects.toMatchObject({ name: 'LifecycleError', code: 'cut', resource: 'pg', message: expect.stringContaining('(SELECT)') })
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'cut', message: expect.stringContaining('(waiting for a connection)') })
    await expect(taken.query('ROLLBACK')).rejects.toMatchObject({ code: 'closed', message: expect.stringContaining('(ROLLBACK)') })
    taken.release()
  })

  test('callers that are turned away (waiters: reject) have failed', async () => {
    const { pool, resource, application } = createPool({ max: 1 }, { waiters: 'reject' })
    const openGate = await holdGate()
    const lifecycle = await started(resource)
    const counts = count([pool.query(pastTheGate), pool.query('SELECT 1')])
    await untilActive(admin, application, 1)
    const stopped = lifecycle.stop()
    await eventually(() => counts.rejected, (rejected) => rejected === 1)
    await openGate()
    expect(workOf(await stopped)).toMatchObject({ done: 1, failed: 1, reasons: ['waiting for a connection: the pool "pg" is stopping, and no connection was free'] })
  })

  test.each(['before the signal', 'after it'])('a query that nobody waits for, of a client that was given back %s, is done before the pool ends', async (when) => {
    const { pool, resource, application } = createPool()
    const openGate = await holdGate()
    const lifecycle = await started(resource)
    let stopped = when === 'after it' ? lifecycle.stop() : undefined
    const client = await pool.connect()
    const inserted = client.query(`INSERT INTO ledger SELECT 1 FROM (${pastTheGate}) AS gate`)
    client.release()
    await untilActive(admin, application, 1)
    stopped ??= lifecycle.stop()
    await openGate()
    expect(workOf(await stopped)).toMatchObject({ done: 1, failed: 0 })
    await inserted
    expect(await rowsOf(admin)).toBe(1)
  })

  test('the questions of readiness checks are in no count', async () => {
    const { pool, resource } = createPool()
    const lifecycle = await started(resource)
    await pool.query('SELECT 1')
    const asked = resource.check!({ signal: AbortSignal.timeout(2_000) })
    resource.quiesce!({ reason: { kind: 'programmatic' }, deadline: performance.now() + 10_000 })
    await asked
    await resource.check!({ signal: AbortSignal.timeout(2_000) })
    expect(workOf(await lifecycle.stop())).toMatchObject({ done: 0, failed: 0 })
  })
})

describe('a pool that is used again and again', () => {
  // Catches: a stop that waits for its whole deadline for a loop that nobody ends.
  test('by a loop that nobody stops is closed 2 s later, with what the loop has in hand done', { timeout: 20_000 }, async () => {
    const { pool, resource } = createPool()
    const lifecycle = await started(resource)
    let done = 0
    const loops = [1, 2].map(async () => {
      for (;;) {
        await pool.query('SELECT pg_sleep(0.001)')
        done += 1
      }
    })
    for (const loop of loops) loop.catch(() => {})
    await eventually(() => done, (rounds) => rounds > 10)
    const report = await lifecycle.stop()
    for (const loop of loops) await expect(loop).rejects.toMatchObject({ code: 'closed', resource: 'pg' })
    expect(report.tookMs).toBeGreaterThan(1_900)
    expect(report.tookMs).toBeLessThan(3_800)
    expect(report).toMatchObject({ result: 'unknown', steps: [{ outcome: 'drained', work: { failed: 0, refused: 2, reasons: ['SELECT: refused (×2)'] } }] })
  })

  test('by a handler that does one thing after the other, each longer than a turn, serves it to its end', async () => {
    const { pool, resource } = createPool()
    const lifecycle = await started(resource)
    const handler = (async () => {
      for (let id = 0; id < 30; id += 1) await pool.query('INSERT INTO ledger VALUES ($1)', [id])
    })()
    const report = await lifecycle.stop()
    await handler
    expect(report.result).toBe('clean')
    expect(workOf(report)).toMatchObject({ done: 30, refused: 0 })
    expect(await rowsOf(admin)).toBe(30)
  })
})

test('a pool that is used after it has closed refuses that, in every style, and the stop is not clean', async () => {
  const { pool, resource } = createPool()
  const lifecycle = await started(resource)
  const late = async (): Promise<unknown[]> => {
    const byCallback = new Promise((_resolve, reject) => pool.query('UPDATE ledger SET id = 2', (error) => reject(error)))
    const connectByCallback = new Promise((_resolve, reject) => pool.connect((error) => reject(error!)))
    const calls = [pool.query('SELECT 1'), pool.query({ text: 'INSERT INTO ledger VALUES (1)' }), byCallback, pool.connect(), connectByCallback]
    return (await Promise.allSettled(calls)).map((each) => (each.status === 'rejected' ? (each.reason as Error).message : 'served'))
  }
  let told: unknown[] = []
  lifecycle.add({ name: 'telemetry', phase: 'telemetry', drain: async () => void (told = await late()) })
  const report = await lifecycle.stop()
  const closed = (what: string): string => `"pg" is closed, since the service stops: nothing of this was done (${what})`
  expect(told).toEqual([closed('SELECT'), closed('INSERT'), closed('UPDATE'), closed('connect'), closed('connect')])
  expect(report).toMatchObject({ result: 'unknown', exitCode: 0 })
  expect(workOf(report)).toMatchObject({ done: 0, failed: 0, refused: 5, unknown: 0 })
})

test('nothing is added to a pool before a stop begins', async () => {
  const pool = new pg.Pool({ ...postgres.config, max: 1 })
  const resource = pgPool(pool, { onError: () => {} })
  onTestFinished(async () => void (await force(resource)))
  const client = await pool.connect()
  expect([Object.hasOwn(pool, 'connect'), Object.hasOwn(pool, 'query'), Object.hasOwn(client, 'query')]).toEqual([false, false, false])
  client.release()
  resource.quiesce!({ reason: { kind: 'programmatic' }, deadline: performance.now() + 10_000 })
  const again = await pool.connect()
  expect([Object.hasOwn(pool, 'connect'), Object.hasOwn(again, 'query')]).toEqual([true, true])
  again.release()
  expect(Object.hasOwn(again, 'query')).toBe(false)
})
