import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createLifecycle } from '@lameduck/core'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pgPool } from '../src/index.ts'
import { count, draining, eventually, force } from './support/contexts.ts'
import { sessionsLeft } from './support/observe.ts'
import { poolsOf } from './support/pools.ts'
import { createDatabase, type Database } from './support/postgres.ts'

let postgres: Database
let admin: pg.Client
beforeAll(async () => {
  postgres = await createDatabase()
  admin = postgres.admin
})
afterAll(() => postgres.stop())

const createPool = poolsOf('reported', () => postgres)

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
    expect(lines[0]).toMatch(/^backend \d+: idle in a transaction, taken .* at .*pg-pool-reports\.test\.ts/)
    expect(lines[1]).toMatch(/: not released, taken /)
    expect(lines[2]).toMatch(/: running a query, taken .* at .*pg-pool-reports\.test\.ts/)
    expect(lines[3]).toBe('1 caller waits for a connection')
    await force(resource)
    expect(resource.waitingFor!()).toEqual([])
    expect(query.rejected).toBe(2)
  })

  test('names no place rather than the last one where a connection was taken behind its back', async () => {
    const { pool, resource } = createPool({ max: 1 }, { traceCheckouts: true })
    const client = await pool.connect()
    expect(resource.waitingFor!()[0]).toContain(' at ')
    client.release()
    await new Promise<void>((resolve, reject) => pg.Pool.prototype.connect.call(pool, (error) => (error ? reject(error) : resolve())))
    expect(resource.waitingFor!()).toEqual([expect.stringMatching(/: not released, taken 0\.\d s ago$/)])
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

test('in a lifecycle a leaked client is cut at its deadline, and the report names where it was taken', async () => {
  const { pool, resource, application } = createPool({}, { traceCheckouts: true, timeoutMs: 50 })
  const lifecycle = createLifecycle({ policy: { graceMs: 10_000 } })
  lifecycle.add(resource)
  await lifecycle.start()
  const leak = async (): Promise<void> => void (await pool.connect())
  await leak()
  const report = await lifecycle.stop()
  expect(report).toMatchObject({ result: 'forced', exitCode: 71 })
  expect(report.steps[0]).toMatchObject({ outcome: 'forced', inFlight: { atStop: 1, atForce: 1 }, errors: [] })
  expect(report.steps[0]!.waitingFor[0]).toMatch(/^backend \d+: not released, taken 0\.\d s ago at .*pg-pool-reports\.test\.ts:\d+:\d+/)
  expect(await sessionsLeft(admin, application)).toBe(0)
})

test('nothing is kept of a connection that is gone, whether it was given back before or after that', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const { pool, application } = createPool()
  async function use(): Promise<WeakRef<pg.PoolClient>[]> {
    const clients = await Promise.all([pool.connect(), pool.connect()])
    const ended = clients.map((client) => new Promise<void>((resolve) => client.on('end', resolve)))
    clients[0]!.release(true)
    await ended[0]
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [application])
    await ended[1]
    clients[1]!.release()
    return clients.map((client) => new WeakRef(client))
  }
  const gone = await use()
  expect(pool.totalCount).toBe(0)
  await eventually(() => (collectGarbage(), gone.filter((client) => client.deref()).length), (kept) => kept === 0)
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
