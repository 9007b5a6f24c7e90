import { localhost } from '@lameduck/servers'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { pgClient, pgPool } from '../src/index.ts'
import { count, draining, eventually, force } from './support/contexts.ts'
import { isRowFree, sessionsLeft, untilActive } from './support/observe.ts'
import { startPrivateServer, type PrivateServer } from './support/postgres.ts'

let postgres: PrivateServer
let admin: pg.Client
beforeAll(async () => {
  postgres = await startPrivateServer()
  admin = postgres.admin
  await admin.query('CREATE TABLE ledger (id int PRIMARY KEY)')
  await admin.query('INSERT INTO ledger VALUES (1)')
  // By the server itself: its folder may be another user's, or in a container. A program of COPY runs in the data folder.
  for (const [file, text] of Object.entries({ 'server.crt': localhost.cert, 'server.key': localhost.key })) {
    await admin.query(`COPY (SELECT unnest(string_to_array('${text.trim()}', E'\\n'))) TO PROGRAM 'umask 077; cat > ${file}'`)
  }
  // From the next connection on, nothing but TLS may log in.
  await admin.query(`COPY (SELECT 'hostssl all all all trust') TO PROGRAM 'cat > pg_hba.conf'`)
  await admin.query('ALTER SYSTEM SET ssl = on')
  await admin.query('SELECT pg_reload_conf()')
  await eventually(() => tlsIsOn(), (on) => on)
})
afterAll(() => postgres.stop())

async function tlsIsOn(): Promise<boolean> {
  const client = new pg.Client({ ...postgres.config, ssl: { ca: localhost.cert } })
  client.on('error', () => {})
  return client.connect().then(
    async () => (await client.end(), true),
    () => false,
  )
}

function createPool(application: string) {
  const pool = new pg.Pool({ ...postgres.config, application_name: application, max: 3, ssl: { ca: localhost.cert } })
  const resource = pgPool(pool, { onError: () => {} })
  onTestFinished(async () => void (await force(resource)))
  return { pool, resource }
}

test('nothing but TLS may log in', async () => {
  const client = new pg.Client(postgres.config)
  await expect(client.connect()).rejects.toThrow('no pg_hba.conf entry')
})

test('drain ends the sessions', async () => {
  const { pool, resource } = createPool('tls drained')
  const counts = count(Array.from({ length: 12 }, () => pool.query('SELECT pg_sleep(0.01)')))
  await draining(resource).done
  expect(counts).toMatchObject({ fulfilled: 12, pending: 0 })
  expect(await sessionsLeft(admin, 'tls drained')).toBe(0)
})

test('force cancels the query, though the request goes unencrypted, and destroys the sessions', async () => {
  const { pool, resource } = createPool('tls cut')
  const [leaked, inTransaction] = await Promise.all([pool.connect(), pool.connect()])
  await inTransaction.query('BEGIN')
  await inTransaction.query('SELECT * FROM ledger WHERE id = 1 FOR UPDATE')
  const counts = count([inTransaction.query('SELECT pg_sleep(30)'), pool.query('SELECT pg_sleep(30)'), pool.query('SELECT 1')])
  await untilActive(admin, 'tls cut', 2)
  expect(await force(resource)).toBeLessThan(500)
  expect(counts).toMatchObject({ rejected: 3, pending: 0 })
  expect(await isRowFree(admin, 1)).toBe(true)
  expect(await sessionsLeft(admin, 'tls cut')).toBe(0)
  leaked.release()
})

test('force is bounded with a frozen backend, and with a handshake that a frozen server does not answer', async () => {
  const { pool, resource } = createPool('tls frozen')
  const counts = count([pool.query('SELECT pg_sleep(30)')])
  await untilActive(admin, 'tls frozen', 1)
  await postgres.freeze()
  onTestFinished(() => postgres.thaw())
  const opening = count([pool.query('SELECT 1')])
  await eventually(() => pool.totalCount, (total) => total === 2)
  expect(await force(resource)).toBeLessThan(500)
  await eventually(() => counts.pending + opening.pending, (pending) => pending === 0)
  expect(opening.errors[0]).toContain('was cut')
  await postgres.thaw()
  expect(await sessionsLeft(admin, 'tls frozen')).toBe(0)
})

test('a single client is cut', async () => {
  const client = new pg.Client({ ...postgres.config, application_name: 'tls client', ssl: { ca: localhost.cert } })
  const resource = pgClient(client, { onError: () => {} })
  await client.connect()
  const counts = count([client.query('SELECT pg_sleep(30)')])
  await untilActive(admin, 'tls client', 1)
  expect(await force(resource)).toBeLessThan(500)
  expect(counts.rejected).toBe(1)
  expect(await sessionsLeft(admin, 'tls client')).toBe(0)
})
