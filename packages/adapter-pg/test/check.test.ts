import { getEventListeners } from 'node:events'
import type { Socket } from 'node:net'
import type { Resource } from '@lameduck/core'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { count, draining, eventually, force } from './support/contexts.ts'
import { sessionsLeft } from './support/observe.ts'
import { poolsOf } from './support/pools.ts'
import { startPrivateServer, type PrivateServer } from './support/postgres.ts'

let postgres: PrivateServer
beforeAll(async () => {
  postgres = await startPrivateServer()
})
afterAll(() => postgres.stop())

const createPool = poolsOf('checked', () => postgres)

const ask = async (resource: Resource, timeoutMs = 2_000): Promise<void> => resource.check!({ signal: AbortSignal.timeout(timeoutMs) })
/** A question that is given up by nobody but the drain. */
const askForEver = (resource: Resource) => count([(async () => resource.check!({ signal: new AbortController().signal }))()])

async function freezeServer(): Promise<void> {
  onTestFinished(() => postgres.thaw())
  await postgres.freeze()
}

/** Opens the pool's one connection, and stops its backend from running at all, until the test is over at the latest. */
async function openFrozen(pool: pg.Pool): Promise<() => Promise<void>> {
  const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const thaw = (): Promise<void> => postgres.signalBackend(rows[0]!.pid, 'CONT')
  onTestFinished(thaw)
  await postgres.signalBackend(rows[0]!.pid, 'STOP')
  return thaw
}

function socketOf(pool: pg.Pool): Socket {
  const { _clients } = pool as unknown as { readonly _clients: readonly pg.Client[] }
  return _clients[0]!.connection.stream as Socket
}

describe('check', () => {
  test('passes on a pool that answers, and on one that is full with none waiting', async () => {
    const { pool, resource } = createPool({ max: 1 })
    const { signal } = new AbortController()
    await resource.check!({ signal })
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await pool.connect()
    await ask(resource)
    expect(pool.waitingCount).toBe(0)
  })

  test('reports an exhausted pool as busy, without queueing', async () => {
    const { pool, resource } = createPool({ max: 1 })
    await pool.connect()
    const waiting = count([pool.connect()])
    await expect(ask(resource)).rejects.toThrow(/^busy: connections in use: 1, callers that wait for one: 1, so/)
    expect(pool.waitingCount).toBe(1)
    await force(resource)
    expect(waiting.rejected).toBe(1)
  })

  test('does not take for busy a pool whose idle connection was asked for a moment ago', async () => {
    const { pool, resource } = createPool({ max: 1 })
    await pool.query('SELECT 1')
    const query = pool.query('SELECT 2')
    expect(pool).toMatchObject({ idleCount: 1, waitingCount: 1 })
    const check = ask(resource)
    // It does not queue for that one either.
    expect(pool.waitingCount).toBe(1)
    await check
    await query
  })

  test('rejects on a server that refuses, and on a pool that has ended', async () => {
    const refused = createPool({ port: 1 })
    await expect(ask(refused.resource)).rejects.toThrow('ECONNREFUSED')
    const ended = createPool()
    await ended.pool.end()
    await expect(ask(ended.resource)).rejects.toThrow('the pool has been ended')
  })

  test('does not hang on a frozen backend, nor take more than one connection', async () => {
    const { pool, resource } = createPool({ max: 1 })
    await openFrozen(pool)
    const checks = [1, 2, 3].map(() => ask(resource, 100))
    const counts = count(checks)
    expect(pool.totalCount).toBe(1)
    await Promise.allSettled(checks)
    expect(counts.rejected).toBe(3)
    await eventually(() => pool.totalCount, (total) => total === 0)
    expect(pool.totalCount).toBe(0)
    await ask(resource)
  })

  test("does not give back a connection on which the pool's own query_timeout has ended the wait", async () => {
    const { pool, resource } = createPool({ query_timeout: 50 })
    await openFrozen(pool)
    await expect(ask(resource)).rejects.toThrow('Query read timeout')
    expect(pool.totalCount).toBe(0)
  })

  test('that got its connection only after it had been given up gives it back', async () => {
    const { pool, resource } = createPool()
    await freezeServer()
    await expect(ask(resource, 50)).rejects.toThrow('timeout')
    expect(pool.totalCount).toBe(1)
    await postgres.thaw()
    expect(await eventually(() => pool.idleCount, (idle) => idle === 1)).toBe(1)
    await draining(resource).done
  })

  test('of a pool that is cut is answered with that', async () => {
    const { pool, resource } = createPool()
    await openFrozen(pool)
    const asked = askForEver(resource)
    // The idle connection is handed out in the next turn.
    await eventually(() => pool.idleCount, (idle) => idle === 0)
    await freezeServer()
    const opening = createPool()
    const askedToo = askForEver(opening.resource)
    for (const each of [resource, opening.resource]) expect(await force(each)).toBeLessThan(500)
    await eventually(() => asked.pending + askedToo.pending, (pending) => pending === 0)
    const cut = (what: string): string => `LifecycleError: "pg" was cut, since its time in the stop was over: it is not known whether this was done (${what})`
    expect([...asked.errors, ...askedToo.errors]).toEqual([cut('SELECT'), cut('connect')])
    for (const each of [pool, opening.pool]) expect(each).toMatchObject({ totalCount: 0, ended: true })
  })
})

describe('a check without an answer does not hold up the drain', () => {
  const onlyTheCheck = 'Error: the pool is draining, and only the readiness check waited for this connection'

  test('on a frozen backend, and its socket does not stay', async () => {
    const { pool, resource, application } = createPool()
    const thaw = await openFrozen(pool)
    const socket = socketOf(pool)
    const asked = askForEver(resource)
    await draining(resource).done
    expect(socket.destroyed).toBe(true)
    expect(asked.errors).toEqual(['Error: the server did not answer the readiness check in time'])
    await thaw()
    expect(await sessionsLeft(postgres.admin, application)).toBe(0)
  })

  test('whose connection is still being opened', async () => {
    const { pool, resource } = createPool()
    await freezeServer()
    const asked = askForEver(resource)
    expect(resource.inFlight!()).toBe(1)
    await draining(resource).done
    expect(pool.totalCount).toBe(0)
    expect(asked.errors).toEqual([onlyTheCheck])
  })

  test('whose connection is still being opened when those who waited for one are gone', async () => {
    const { pool, resource } = createPool({ max: 2 })
    const client = await pool.connect()
    await freezeServer()
    const asked = askForEver(resource)
    const waiting = pool.connect()
    const drained = draining(resource)
    const counts = count([drained.done])
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(asked.pending + counts.pending).toBe(2)
    client.release()
    const next = await waiting
    next.release()
    await drained.done
    expect(asked.errors).toEqual([onlyTheCheck])
  })

  test('whose connection is prepared for use by the application', async () => {
    const { pool, resource } = createPool({ onConnect: ((client) => client.query('SELECT pg_sleep(30)')) as (client: pg.ClientBase) => void })
    const asked = askForEver(resource)
    await draining(resource).done
    expect(pool.totalCount).toBe(0)
    expect(asked).toMatchObject({ rejected: 1 })
  })

  test('and is waited for where the server answers; its connection then serves others, and no other is asked while the pool drains', async () => {
    const { pool, resource } = createPool({ max: 2 })
    const client = await pool.connect()
    const check = ask(resource)
    const drained = draining(resource)
    await check
    // Longer than an answer is waited for.
    await pool.query('SELECT pg_sleep(0.25)')
    await expect(ask(resource)).rejects.toThrow('the pool is draining, so the server was not asked')
    client.release()
    await drained.done
  })
})
