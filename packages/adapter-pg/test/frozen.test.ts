import { once } from 'node:events'
import { connect, createServer, Socket, type AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { pgPool } from '../src/index.ts'
import { count, draining, eventually, force } from './support/contexts.ts'
import { isRowFree, sessions, sessionsLeft, untilActive } from './support/observe.ts'
import { startPrivateServer, type PrivateServer } from './support/postgres.ts'

let postgres: PrivateServer
let admin: pg.Client
beforeAll(async () => {
  postgres = await startPrivateServer()
  admin = postgres.admin
  await admin.query('CREATE TABLE ledger (id int PRIMARY KEY)')
  await admin.query('INSERT INTO ledger VALUES (1), (2)')
})
afterAll(() => postgres.stop())

/** Stops one backend from running at all, until the test is over at the latest. */
async function freezeBackend(pid: number): Promise<() => Promise<void>> {
  const thaw = (): Promise<void> => postgres.signalBackend(pid, 'CONT')
  onTestFinished(thaw)
  await postgres.signalBackend(pid, 'STOP')
  return thaw
}

function createPool(application: string, config: pg.PoolConfig = {}) {
  const pool = new pg.Pool({ ...postgres.config, application_name: application, max: 5, ...config })
  return { pool, resource: pgPool(pool, { onError: () => {} }) }
}

describe('a frozen backend', () => {
  test('beside a leaked client, an idle transaction, a 30 s query and two waiters: force cuts all of it in time', async () => {
    const { pool, resource } = createPool('frozen backend', { max: 4 })
    const [leaked, inTransaction, frozen, busy] = await Promise.all([1, 2, 3, 4].map(() => pool.connect()))
    await inTransaction!.query('BEGIN')
    await inTransaction!.query('SELECT * FROM ledger WHERE id = 1 FOR UPDATE')
    const { rows } = await frozen!.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const thaw = await freezeBackend(rows[0]!.pid)
    const counts = count([frozen!.query('SELECT 1'), busy!.query('SELECT pg_sleep(30)'), pool.query('SELECT 1'), pool.connect()])
    await untilActive(admin, 'frozen backend', 1)
    const drained = draining(resource)
    drained.abort()
    expect(await force(resource)).toBeLessThan(500)
    expect(counts).toMatchObject({ fulfilled: 0, rejected: 4, pending: 0 })
    expect(await isRowFree(admin, 1)).toBe(true)
    const left = await eventually(() => sessions(admin, 'frozen backend'), (rowsLeft) => rowsLeft.length === 1)
    expect(left.map(({ pid }) => pid)).toEqual([rows[0]!.pid])
    await thaw()
    expect(await sessionsLeft(admin, 'frozen backend')).toBe(0)
    leaked!.release()
  })

  test('that was idle does not hold up the drain, and its socket does not stay', async () => {
    const { pool, resource } = createPool('frozen idle')
    const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const socket = socketOf(pool)
    const thaw = await freezeBackend(rows[0]!.pid)
    const begunAt = performance.now()
    await draining(resource).done
    expect(performance.now() - begunAt).toBeLessThan(1_000)
    expect(socket.destroyed).toBe(true)
    await thaw()
    expect(await sessionsLeft(admin, 'frozen idle')).toBe(0)
  })
})

function socketOf(pool: pg.Pool): Socket {
  const { _clients } = pool as unknown as { readonly _clients: readonly pg.Client[] }
  return _clients[0]!.connection.stream as Socket
}

describe('a frozen server', () => {
  test('with one query running and one connection being opened: force is over in time, everyone is told', async () => {
    const { pool, resource } = createPool('frozen server')
    const counts = count([pool.query('SELECT pg_sleep(30)')])
    await untilActive(admin, 'frozen server', 1)
    await postgres.freeze()
    onTestFinished(() => postgres.thaw())
    const opening = count([pool.query('SELECT 1'), pool.connect()])
    await eventually(() => pool.totalCount, (total) => total === 3)
    const drained = draining(resource)
    drained.abort()
    expect(await force(resource)).toBeLessThan(500)
    await eventually(() => counts.pending + opening.pending, (pending) => pending === 0)
    expect(counts).toMatchObject({ rejected: 1, pending: 0 })
    expect(opening).toMatchObject({ rejected: 2, pending: 0 })
    expect(opening.errors[0]).toContain('was cut')
    expect(pool.totalCount).toBe(0)
    await postgres.thaw()
    // The CancelRequest lay in the frozen server's queue; it is carried out now.
    expect(await sessionsLeft(admin, 'frozen server')).toBe(0)
  })
})

describe('the CancelRequest', () => {
  test('goes to the address that was really taken, is never half closed, and precedes the end of the session', async () => {
    const seen: string[] = []
    const proxy = createServer({ allowHalfOpen: true }, (client) => {
      const server = connect({ ...postgres.config, allowHalfOpen: true })
      let isCancel = false
      client.once('data', (bytes: Buffer) => {
        isCancel = bytes.length === 16 && bytes.readInt32BE(4) === 80_877_102
        if (isCancel) seen.push('cancel request')
      })
      client.on('data', (bytes) => server.write(bytes))
      server.on('data', (bytes) => client.write(bytes))
      server.on('end', () => {
        if (isCancel) seen.push('cancel answered')
        client.end()
      })
      client.on('end', () => {
        if (isCancel && !seen.includes('cancel answered')) seen.push('cancel half closed')
        server.end()
      })
      client.on('close', () => {
        if (!isCancel) seen.push('session closed')
        server.destroy()
      })
      for (const socket of [client, server]) socket.on('error', () => {})
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    onTestFinished(() => void proxy.close())
    // A name that leads to the server this once, as one with several addresses may.
    const stream = (): Socket => {
      const socket = new Socket()
      const connectTo = socket.connect.bind(socket)
      socket.connect = ((port: number) => connectTo(port, '127.0.0.1')) as Socket['connect']
      return socket
    }
    const { pool, resource } = createPool('proxied', { host: 'db.invalid', port: (proxy.address() as AddressInfo).port, stream })
    const counts = count([pool.query('SELECT pg_sleep(30)')])
    await untilActive(admin, 'proxied', 1)
    await force(resource)
    expect(await sessionsLeft(admin, 'proxied')).toBe(0)
    expect(counts.rejected).toBe(1)
    await eventually(() => seen.at(-1), (event) => event === 'session closed')
    expect(seen.slice(0, 2)).toEqual(['cancel request', 'cancel answered'])
    expect(seen.filter((event) => event === 'session closed')).toEqual(['session closed'])
    expect(seen).not.toContain('cancel half closed')
  })
})
