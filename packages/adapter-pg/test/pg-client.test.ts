import { once } from 'node:events'
import { createLifecycle } from '@lameduck/core'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { pgClient, pgPool, type PgClientOptions } from '../src/index.ts'
import { count, draining, eventually, force } from './support/contexts.ts'
import { isRowFree, sessionsLeft, untilActive } from './support/observe.ts'
import { startPrivateServer, type PrivateServer } from './support/postgres.ts'

let postgres: PrivateServer
let admin: pg.Client
beforeAll(async () => {
  postgres = await startPrivateServer()
  admin = postgres.admin
  await admin.query('CREATE TABLE ledger (id int PRIMARY KEY)')
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  await admin.query('TRUNCATE ledger')
  await admin.query('INSERT INTO ledger VALUES (1)')
})

let clients = 0
async function createClient(options: PgClientOptions = {}, config: pg.ClientConfig = {}) {
  const application = `client ${(clients += 1)}`
  const client = new pg.Client({ ...postgres.config, application_name: application, ...config })
  const resource = pgClient(client, { onError: () => {}, ...options })
  onTestFinished(async () => void (await force(resource)))
  await client.connect()
  return { client, resource, application }
}

describe('drain', () => {
  test('ends a LISTEN client: what was notified before is heard, nothing after', async () => {
    const { client, resource, application } = await createClient()
    const heard: (string | undefined)[] = []
    client.on('notification', ({ payload }) => heard.push(payload))
    await client.query('LISTEN work')
    await admin.query("NOTIFY work, 'before'")
    await draining(resource).done
    await admin.query("NOTIFY work, 'after'")
    expect(await sessionsLeft(admin, application)).toBe(0)
    expect(heard).toEqual(['before'])
    await draining(resource).done
  })

  test('hands out what was notified while the backend was slow to tell', async () => {
    const { client, resource } = await createClient()
    const heard: (string | undefined)[] = []
    client.on('notification', ({ payload }) => heard.push(payload))
    await client.query('LISTEN work')
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    onTestFinished(() => postgres.signalBackend(rows[0]!.pid, 'CONT'))
    await postgres.signalBackend(rows[0]!.pid, 'STOP')
    await admin.query("NOTIFY work, 'before'")
    const drained = draining(resource)
    // By now what the drain asks of the server lies before it.
    await eventually(() => resource.inFlight!(), (busy) => busy === 1)
    await postgres.signalBackend(rows[0]!.pid, 'CONT')
    await drained.done
    expect(heard).toEqual(['before'])
  })

  test('waits for the transaction that the client is in, between its queries too', async () => {
    const { client, resource } = await createClient()
    await client.query('BEGIN')
    await client.query('INSERT INTO ledger VALUES (2)')
    const drained = draining(resource)
    expect(resource.inFlight!()).toBe(1)
    expect(resource.waitingFor!()[0]).toMatch(/^backend \d+: idle in a transaction$/)
    const counts = count([drained.done])
    await client.query('SELECT pg_sleep(0.05)')
    expect(counts.pending).toBe(1)
    await client.query('COMMIT')
    await drained.done
    const { rows } = await admin.query('SELECT id FROM ledger')
    expect(rows).toHaveLength(2)
  })

  test('gives a client that came from a pool back to it, closed, so that the pool can drain', async () => {
    const pool = new pg.Pool({ ...postgres.config, application_name: 'listening pool', max: 2 })
    const client = await pool.connect()
    await client.query('LISTEN work')
    const listener = pgClient(client, { onError: () => {} })
    const rest = pgPool(pool, { onError: () => {} })
    await draining(listener).done
    expect(pool.totalCount).toBe(0)
    await draining(rest).done
    expect(await sessionsLeft(admin, 'listening pool')).toBe(0)
  })

  test('waits for a connect that is under way, and for what was asked before it', async () => {
    const client = new pg.Client({ ...postgres.config, application_name: 'connecting' })
    const resource = pgClient(client, { onError: () => {} })
    const connected = client.connect()
    const counts = count([connected, client.query('SELECT pg_sleep(0.05)')])
    expect(resource.inFlight!()).toBe(2)
    expect(resource.waitingFor!()).toEqual(['connection: being opened', 'connection: a query that waits behind it'])
    await draining(resource).done
    expect(counts).toMatchObject({ fulfilled: 2, rejected: 0, pending: 0 })
    expect(await sessionsLeft(admin, 'connecting')).toBe(0)
  })

  test('counts every query of a client that sends them without waiting for answers', async () => {
    const { client, resource } = await createClient({}, { pipeline: true })
    const counts = count([1, 2, 3].map(() => client.query('SELECT pg_sleep(0.02)')))
    expect(resource.inFlight!()).toBe(3)
    await draining(resource).done
    expect(counts).toMatchObject({ fulfilled: 3, pending: 0 })
  })

  test('settles for a client that was never connected, that could not be, that was ended, and that was lost', async () => {
    await draining(pgClient(new pg.Client(postgres.config))).done
    const refused = new pg.Client({ ...postgres.config, port: 1 })
    const end = once(refused, 'end')
    await expect(refused.connect()).rejects.toThrow('ECONNREFUSED')
    await end
    await draining(pgClient(refused)).done
    const ended = await createClient()
    await ended.client.end()
    await draining(ended.resource).done
    const lost = await createClient()
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [lost.application])
    await draining(lost.resource).done
  })

  test('settles when it is aborted, in a transaction and while a frozen server is to end the session', async () => {
    const inTransaction = await createClient()
    await inTransaction.client.query('BEGIN')
    const idle = await createClient()
    await postgres.freeze()
    onTestFinished(() => postgres.thaw())
    const idleDrained = draining(idle.resource)
    await eventually(() => idle.resource.inFlight!(), (busy) => busy === 1)
    for (const drained of [draining(inTransaction.resource), idleDrained]) {
      drained.abort()
      await expect(drained.done).rejects.toThrow('the deadline has passed')
    }
  })
})

describe('force', () => {
  test('cancels the query and the queue, and frees the lock', async () => {
    const { client, resource, application } = await createClient()
    await client.query('BEGIN')
    await client.query('SELECT * FROM ledger WHERE id = 1 FOR UPDATE')
    const counts = count([client.query('SELECT pg_sleep(30)'), client.query('SELECT pg_sleep(31)')])
    await untilActive(admin, application, 1)
    expect(resource.inFlight!()).toBe(2)
    const drained = draining(resource)
    drained.abort()
    expect(await force(resource)).toBeLessThan(500)
    await force(resource)
    expect(counts).toMatchObject({ rejected: 2, pending: 0 })
    expect(await isRowFree(admin, 1)).toBe(true)
    expect(await sessionsLeft(admin, application)).toBe(0)
  })

  test('rejects a connect that is under way, with a frozen server', async () => {
    await postgres.freeze()
    onTestFinished(() => postgres.thaw())
    const client = new pg.Client(postgres.config)
    const resource = pgClient(client, { name: 'listener', onError: () => {} })
    const connecting = count([client.connect()])
    expect(await force(resource)).toBeLessThan(500)
    await eventually(() => connecting.pending, (pending) => pending === 0)
    expect(connecting.errors).toEqual([expect.stringMatching(/^LifecycleError: "listener" was cut, since its time in the stop was over/)])
  })

  test('closes a client of a pool, which may be released again by its owner', async () => {
    const pool = new pg.Pool({ ...postgres.config, application_name: 'cut pool client', max: 2 })
    const client = await pool.connect()
    const resource = pgClient(client, { onError: () => {} })
    await client.query('BEGIN')
    await force(resource)
    expect(pool.totalCount).toBe(0)
    client.release()
    expect(await sessionsLeft(admin, 'cut pool client')).toBe(0)
    await pool.end()
  })
})

describe('check', () => {
  const ask = (resource: ReturnType<typeof pgClient>): Promise<void> => Promise.resolve(resource.check!({ signal: AbortSignal.timeout(200) }))

  test('passes while the client answers, and fails for ever when its connection is lost', async () => {
    const errors: string[] = []
    const { client, resource, application } = await createClient({ onError: (error) => errors.push(error.message) })
    await ask(resource)
    const lost = new Promise<void>((resolve) => client.on('end', resolve))
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [application])
    await lost
    await expect(ask(resource)).rejects.toThrow('does not reconnect: make a new one')
    expect(errors).toEqual(['terminating connection due to administrator command'])
  })

  test('asks only one question of a frozen backend, and does not hang', async () => {
    const { client, resource } = await createClient()
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await postgres.signalBackend(rows[0]!.pid, 'STOP')
    onTestFinished(() => postgres.signalBackend(rows[0]!.pid, 'CONT'))
    await expect(ask(resource)).rejects.toThrow('timeout')
    await expect(ask(resource)).rejects.toThrow('timeout')
    expect(resource.inFlight!()).toBe(1)
    expect(await force(resource)).toBeLessThan(500)
  })
})

test('by default it is an intake: it stops before the pool', async () => {
  const pool = pgPool(new pg.Pool(postgres.config), { onError: () => {} })
  const { resource } = await createClient()
  const lifecycle = createLifecycle({ policy: { graceMs: 10_000 } })
  lifecycle.add(pool)
  lifecycle.add(resource)
  await lifecycle.start()
  const report = await lifecycle.stop()
  expect(report.result).toBe('clean')
  expect(report.steps.map(({ name, phase }) => `${name} ${phase}`)).toEqual(['pg client intake', 'pg connections'])
})

test('what is not a client is refused with a word of advice', () => {
  expect(() => pgClient(new pg.Pool() as never)).toThrow('A Pool goes to pgPool()')
  expect(() => pgClient(null as never)).toThrow('it was given null')
})
