import knexNewest, { type Knex } from 'knex'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { knexPool, pgPool, type KnexPoolOptions } from '../src/index.ts'
import { count, draining, eventually, force } from './support/contexts.ts'
import { sessions, sessionsLeft, untilActive } from './support/observe.ts'
import { knexOldest } from './support/orms.ts'
import { startPrivateServer, type PrivateServer } from './support/postgres.ts'

let postgres: PrivateServer
let admin: pg.Client
beforeAll(async () => {
  postgres = await startPrivateServer()
  admin = postgres.admin
})
afterAll(() => postgres.stop())

describe.each([
  ['newest', knexNewest],
  ['oldest', knexOldest],
])('%s Knex', (age, make) => {
  let instances = 0
  function create(options: KnexPoolOptions = {}, config: Partial<Knex.Config> = {}) {
    const application = `knex ${age} ${(instances += 1)}`
    const warnings: string[] = []
    const db: Knex = make({
      client: 'pg',
      connection: { ...postgres.config, application_name: application },
      pool: { min: 0, max: 2 },
      log: { warn: (message: string) => warnings.push(message) },
      ...config,
    })
    const resource = knexPool(db, { onError: () => {}, ...options })
    onTestFinished(async () => {
      await postgres.thaw()
      await force(resource)
    })
    return { db, resource, application, warnings }
  }

  async function openFrozen(db: Knex): Promise<() => Promise<void>> {
    const { rows } = await db.raw<{ rows: { pid: number }[] }>('SELECT pg_backend_pid() AS pid')
    const thaw = (): Promise<void> => postgres.signalBackend(rows[0]!.pid, 'CONT')
    onTestFinished(thaw)
    await postgres.signalBackend(rows[0]!.pid, 'STOP')
    return thaw
  }

  test('a frozen backend does not hold up the drain of an idle pool, when its own destroy is still waiting', async () => {
    const naive: Knex = make({ client: 'pg', connection: { ...postgres.config, application_name: `naive ${age}` }, pool: { min: 0, max: 2 }, log: { warn: () => {} } })
    await openFrozen(naive)
    const { db, resource, application } = create()
    const thaw = await openFrozen(db)
    const destroyed = count([naive.destroy()])
    const begunAt = performance.now()
    await draining(resource).done
    expect(performance.now() - begunAt).toBeLessThan(1_000)
    expect(destroyed.pending).toBe(1)
    await thaw()
    expect(await sessionsLeft(admin, application)).toBe(0)
  })

  test('force rejects who waits for a connection that is being opened, with a frozen server, and leaves nothing', async () => {
    const { db, resource, application } = create()
    const running = count([begun(db.raw('SELECT pg_sleep(30)'))])
    await untilActive(admin, application, 1)
    await postgres.freeze()
    const opening = count([begun(db.raw('SELECT 1')), begun(db.raw('SELECT 2'))])
    await eventually(() => resource.waitingFor!().slice(1).join(', '), (line) => line === '1 connection is being opened, 1 caller waits for a connection')
    const sockets = activeSockets()
    const drained = draining(resource)
    drained.abort()
    expect(await force(resource)).toBeLessThan(500)
    await eventually(() => running.pending + opening.pending, (pending) => pending === 0)
    expect(opening.errors).toEqual([expect.stringContaining('was cut, since its time in the stop was over'), expect.stringContaining('was cut')])
    // The running query's, and that of the connection that was being opened.
    expect(sockets - (await eventually(activeSockets, (left) => left === sockets - 2))).toBe(2)
    await postgres.thaw()
    expect(await sessionsLeft(admin, application)).toBe(0)
  })

  test('force cuts a pool that the application is destroying, and the transaction may still be ended by its owner', async () => {
    const { db, resource, application } = create()
    const trx = await db.transaction()
    await trx.raw('SELECT 1')
    const destroyed = count([db.destroy()])
    await force(resource)
    expect(await sessionsLeft(admin, application)).toBe(0)
    await eventually(() => destroyed.pending, (pending) => pending === 0)
    expect(destroyed.fulfilled).toBe(1)
    await expect(trx.rollback()).resolves.not.toThrow()
  })

  test('after force a query is refused at once', async () => {
    const { db, resource } = create()
    await db.raw('SELECT 1')
    await force(resource)
    await expect(db.raw('SELECT 1')).rejects.toThrow('is closed, since the service stops')
    await db.destroy()
    await draining(resource).done
  })

  test('the check asks one question, gives up on a frozen backend and costs one connection', async () => {
    const { db, resource } = create()
    const ask = (): Promise<void> => Promise.resolve(resource.check!({ signal: AbortSignal.timeout(100) }))
    await openFrozen(db)
    await expect(Promise.all([ask(), ask()])).rejects.toThrow()
    await eventually(() => resource.inFlight!(), (busy) => busy === 0)
    await resource.check!({ signal: AbortSignal.timeout(2_000) })
    expect(resource.inFlight!()).toBe(0)
    expect(await db.raw('SELECT 1')).toBeDefined()
  })

  test('a check whose connection is still being opened does not hold up the drain', async () => {
    // Nobody tells the check then that its connection could not be opened, and Knex tries again.
    const { resource } = create({}, { pool: { min: 0, max: 2, propagateCreateError: false } })
    await postgres.freeze()
    const asked = count([Promise.resolve(resource.check!({ signal: new AbortController().signal }))])
    expect(resource.inFlight!()).toBe(1)
    await draining(resource).done
    expect(asked.errors).toEqual(['Error: the pool is draining, and only the readiness check waited for this connection'])
    await postgres.thaw()
  })

  test('... but is not given up while another caller may get that connection', async () => {
    const { db, resource } = create()
    await postgres.freeze()
    const asked = count([Promise.resolve(resource.check!({ signal: new AbortController().signal }))])
    const query = begun(db.raw('SELECT 1'))
    const drained = draining(resource)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(asked.pending).toBe(1)
    await postgres.thaw()
    await expect(query).resolves.toBeDefined()
    await drained.done
    expect(asked.rejected).toBe(0)
  })

  test('a lost connection that nobody used is told', async () => {
    const errors: string[] = []
    const { db, application } = create({ onError: ({ message }) => errors.push(message) })
    await db.raw('SELECT 1')
    for (const { pid } of await sessions(admin, application)) await admin.query('SELECT pg_terminate_backend($1)', [pid])
    await sessionsLeft(admin, application)
    await eventually(() => errors.length, (heard) => heard > 0)
    expect(errors).toEqual(['terminating connection due to administrator command'])
    expect(await db.raw('SELECT 1')).toBeDefined()
  })

  test('a newcomer is served while there is room, even so', async () => {
    const { db, resource } = create({ waiters: 'reject' })
    const trx = await db.transaction()
    await trx.raw('SELECT 1')
    const drained = draining(resource)
    await expect(begun(db.raw('SELECT 1'))).resolves.toBeDefined()
    await trx.commit()
    await drained.done
  })

  test('a connection that is still being opened, though its caller has given up, is told and waited for', async () => {
    const { db, resource } = create({}, { acquireConnectionTimeout: 50 })
    await postgres.freeze()
    await expect(begun(db.raw('SELECT 1'))).rejects.toThrow('Timeout acquiring a connection')
    expect(resource.inFlight!()).toBe(1)
    expect(resource.waitingFor!()).toEqual(['1 connection is being opened'])
    const drained = draining(resource)
    await postgres.thaw()
    await drained.done
    expect(resource.inFlight!()).toBe(0)
  })

  test('callers that wait are rejected when the drain begins, if that is wanted', async () => {
    const { db, resource } = create({ waiters: 'reject' })
    const transactions = count(
      [1, 2, 3, 4, 5].map(() => db.transaction(async (trx) => void (await trx.raw('SELECT pg_sleep(0.1)')))),
    )
    await eventually(() => resource.waitingFor!().at(-1), (line) => line === '3 callers wait for a connection')
    await draining(resource).done
    expect(transactions).toMatchObject({ fulfilled: 2, rejected: 3 })
    expect(transactions.errors[0]).toContain('the pool "knex" is stopping, and no connection was free')
  })
})

test('a pool of pg that Knex was given is registered as such', async () => {
  const pool = new pg.Pool({ ...postgres.config, max: 2 })
  const db = knexNewest({ client: 'pg', connectionPool: pool } as Knex.Config)
  expect(() => knexPool(db)).toThrow('register that with pgPool()')
  const resource = pgPool(pool, { onError: () => {} })
  const counts = count([1, 2, 3, 4].map(() => db.transaction(async (trx) => void (await trx.raw('SELECT pg_sleep(0.02)')))))
  await eventually(() => pool.waitingCount, (waiting) => waiting === 2)
  await draining(resource).done
  expect(counts).toMatchObject({ fulfilled: 4 })
})

test('what is no Knex over pg is refused with a word of advice', async () => {
  expect(() => knexPool(new pg.Pool() as never)).toThrow('knexPool() takes a Knex instance over pg')
  expect(() => knexPool(knexNewest({ client: 'pg' }))).toThrow('Give it a connection before it is registered')
  expect(() => knexPool(null as never)).toThrow('it was given null')
})

test('the driver that all Knex instances share is left as it is', async () => {
  const { Client } = pg
  const db = knexNewest({ client: 'pg', connection: postgres.url })
  const { driver } = db.client as { readonly driver: typeof pg }
  const resource = knexPool(db, { onError: () => {} })
  expect((db.client as { readonly driver: typeof pg }).driver.Client).not.toBe(Client)
  expect(driver.Client).toBe(Client)
  await db.raw('SELECT 1')
  await draining(resource).done
})

/** Knex begins a query when it is awaited. */
const begun = async <T>(query: PromiseLike<T>): Promise<T> => query

function activeSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
}
