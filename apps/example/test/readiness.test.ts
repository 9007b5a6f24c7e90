import { setTimeout as delay } from 'node:timers/promises'
import { redis } from '@lameduck/adapter-ioredis'
import { pgPool } from '@lameduck/adapter-pg'
import { createLifecycle, type Lifecycle } from '@lameduck/core'
import { probeServer, type ProbeOptions } from '@lameduck/probes'
import type { Server } from '@lameduck/servers'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ownServer } from './own-server.ts'

// The real clients behind a real probe port, while their server is frozen: it keeps its connections and answers nothing.

const checkTimeoutMs = 250
const most = 4
const probes = 12

let postgres: Server
let cache: Server
let pool: Pool
let client: Redis
let lifecycle: Lifecycle
const frozen = new Set<Server>()

beforeAll(async () => {
  ;[postgres, cache] = await Promise.all([ownServer('postgres'), ownServer('redis')])
}, 120_000)
afterAll(() => Promise.all([postgres, cache].map((server) => server?.stop())))
beforeEach(() => {
  pool = new Pool({ connectionString: postgres.url, max: most, connectionTimeoutMillis: 500, application_name: 'probed' })
  client = new Redis(cache.url, { lazyConnect: true })
  client.on('error', () => {})
})
afterEach(async () => {
  await thaw()
  await lifecycle.stop()
})

test('a frozen PostgreSQL: bounded answers, one connection at most, back after the thaw', async () => {
  const ask = await serve({ gateOn: ['pg'] })
  await freeze(postgres)
  const answers = await askOften(ask, '/readyz')
  expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['not ready: failing checks: pg\n']))
  expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(checkTimeoutMs * 4)
  // Nobody but the probes uses the pool: what they have left in it is what they have cost.
  expect(pool.totalCount).toBeLessThanOrEqual(1)
  expect(pool.waitingCount).toBe(0)
  expect((await ask('/livez')).status).toBe(200)
  expect((await ask('/readyz/redis')).status).toBe(200)

  await thaw()
  await untilStatus(ask, 200)
  await Promise.all(Array.from({ length: most * 3 }, () => pool.query('select pg_sleep(0.01)')))
  expect(pool).toMatchObject({ totalCount: most, idleCount: most, waitingCount: 0 })
  // The connections that probes gave up are gone from the server too.
  await until(async () => (await pool.query(`select 1 from pg_stat_activity where application_name = 'probed'`)).rowCount === most)
})

test('a frozen Redis: bounded answers, one PING at most, back after the thaw', async () => {
  const ask = await serve({ gateOn: ['redis'] })
  await freeze(cache)
  const answers = await askOften(ask, '/readyz')
  expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['not ready: failing checks: redis\n']))
  expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(checkTimeoutMs * 4)
  expect(queued(client)).toBe(1)
  expect((await ask('/livez')).status).toBe(200)
  expect((await ask('/readyz/pg')).status).toBe(200)

  await thaw()
  await untilStatus(ask, 200)
  expect(queued(client)).toBe(0)
  expect(await client.incr('after')).toBe(1)
})

test('control: a handler that asks by itself uses the pool up, and piles up commands', async () => {
  await serve({})
  await freeze(postgres)
  await freeze(cache)
  const within = (question: Promise<unknown>): Promise<unknown> => Promise.race([question.catch(() => {}), delay(20)])
  for (let probe = 0; probe < probes; probe += 1) await Promise.all([within(pool.query('select 1')), within(client.ping())])
  expect(pool).toMatchObject({ totalCount: most, idleCount: 0, waitingCount: probes - most })
  expect(queued(client)).toBe(probes)
})

test('without a gate a frozen server is reported, and readiness neither fails nor waits for it', async () => {
  const ask = await serve({ showReasons: true })
  await freeze(postgres)
  const asked = pool.totalCount
  const answers = await askOften(ask, '/readyz')
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: probes }, () => 200))
  expect({ connections: pool.totalCount, inUse: pool.totalCount - pool.idleCount }).toEqual({ connections: asked, inUse: 0 })
  const { status, body } = await ask('/readyz?verbose')
  expect({ status, body }).toEqual({ status: 200, body: `[-]pg failed: no answer within ${checkTimeoutMs} ms\n[+]redis ok\nready\n` })
})

test('a gate does not wait for a frozen server that it is not on', async () => {
  const ask = await serve({ gateOn: ['redis'] })
  await freeze(postgres)
  // Asked beside each other: the slow answer is under way while the fast ones come.
  const verbose = ask('/readyz?verbose')
  const answers = await askOften(ask, '/readyz')
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: probes }, () => 200))
  expect(pool.totalCount - pool.idleCount).toBeLessThanOrEqual(1)
  expect((await verbose).body).toContain('[-]pg failed')
})

test('an exhausted pool is busy, not down: the probe takes no turn in its queue', async () => {
  const ask = await serve({ gateOn: ['pg'], showReasons: true })
  const taken = await Promise.all(Array.from({ length: most }, () => pool.connect()))
  try {
    expect((await ask('/readyz')).status).toBe(200)
    const waiter = pool.query('select 1')
    expect((await ask('/readyz/pg')).body).toMatch(/^\[-\]pg failed: busy: connections in use: 4, callers that wait for one: 1,/)
    expect(pool.waitingCount).toBe(1)
    taken.pop()?.release()
    expect((await waiter).rowCount).toBe(1)
  } finally {
    for (const each of taken) each.release()
  }
})

test('a stop while probes wait for frozen servers is answered at once, and waits for no check', async () => {
  const ask = await serve({ gateOn: ['pg', 'redis'], checkTimeoutMs: 20_000 })
  expect((await ask('/readyz')).status).toBe(200)
  await freeze(postgres)
  await freeze(cache)
  const late = ask('/readyz')
  await until(async () => queued(client) === 1 && pool.totalCount - pool.idleCount === 1)
  const report = await lifecycle.stop()
  expect((await late).body).toMatch(/^not ready: draining, \d+ ms left\n$/)
  expect(report.result).toBe('clean')
  // Both say goodbye to a server that does not answer; nothing was lost but that.
  expect(report.tookMs).toBeLessThan(2_000)
})

interface Probed {
  readonly status: number
  readonly body: string
  readonly tookMs: number
}

type Ask = (path: string) => Promise<Probed>

/** Every probe asks anew. */
async function serve(options: ProbeOptions): Promise<Ask> {
  lifecycle = createLifecycle({ env: {} })
  const server = probeServer(lifecycle, { port: 0, cacheMs: 0, checkTimeoutMs, ...options })
  lifecycle.add(server)
  lifecycle.add(pgPool(pool, { onError: () => {} }))
  lifecycle.add(redis(client))
  await lifecycle.start()
  return async (path) => {
    const begunAt = performance.now()
    const response = await fetch(`http://127.0.0.1:${server.address()?.port}${path}`)
    return { status: response.status, body: await response.text(), tookMs: performance.now() - begunAt }
  }
}

/** Half of the probes one after the other, half of them at once, as several balancers ask. */
async function askOften(ask: Ask, path: string): Promise<Probed[]> {
  const answers: Probed[] = []
  for (let probe = 0; probe < probes / 2; probe += 1) answers.push(await ask(path))
  return [...answers, ...(await Promise.all(Array.from({ length: probes / 2 }, () => ask(path))))]
}

async function freeze(server: Server): Promise<void> {
  frozen.add(server)
  await server.freeze()
}

async function thaw(): Promise<void> {
  for (const server of frozen) await server.thaw()
  frozen.clear()
}

/** Commands whose answer has not come. */
function queued(redis: Redis): number {
  const { commandQueue, offlineQueue } = redis as unknown as Record<'commandQueue' | 'offlineQueue', { readonly length: number }>
  return commandQueue.length + offlineQueue.length
}

async function untilStatus(ask: Ask, status: number): Promise<void> {
  await until(async () => (await ask('/readyz')).status === status)
}

/** The test's own timeout bounds it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}
