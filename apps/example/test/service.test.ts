import { once } from 'node:events'
import { createServer } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPool } from '../src/lib/clients.ts'
import { frameworks, namesFor } from '../src/lib/config.ts'
import { dropEverything } from '../src/lib/drop-everything.ts'
import type { Order } from '../src/lib/order.ts'
import { setUp } from '../src/lib/set-up.ts'
import { verdict } from '../src/lib/verdict.ts'
import { databaseUrl, kafkaBrokers, ownPlaces, redisUrl } from './places.ts'
import { freePort, killLeftovers, spawnService, type RunningService } from './running-service.ts'

const pool = createPool(databaseUrl)
let places = ownPlaces()
let env: Record<string, string> = {}
const held = new Set<() => void>()

beforeEach(async () => {
  places = ownPlaces()
  env = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    KAFKA_BROKERS: kafkaBrokers.join(','),
    PREFIX: places.prefix,
    GRACE_MS: '20000',
    LAME_DUCK_MIN_MS: '0',
  }
  await setUp(places)
})
afterEach(async () => {
  await killLeftovers()
  for (const release of held) release()
  await dropEverything(places)
})
afterAll(() => pool.end())

describe.each(frameworks)('%s', (framework) => {
  const variant = { framework, helper: 'lameduck' } as const

  test('serves the orders', async () => {
    const service = await spawnService(variant, env)
    await service.ready
    expect((await fetch(`${service.probeUrl}/livez`)).status).toBe(200)
    expect((await fetch(`${service.probeUrl}/readyz`)).status).toBe(200)

    const placed = await placeOrder(service)
    expect(placed.status).toBe(201)
    const order = (await placed.json()) as Order
    expect(order).toMatchObject({ item: 'tea', quantity: 2 })
    expect(await (await fetch(`${service.url}/orders/${order.id}`)).json()).toEqual(order)

    // It is shipped by the consumer, of which the stream tells.
    const stream = await fetch(`${service.url}/orders/${order.id}/events?forMs=20000`)
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    await readUntil(stream, 'event: shipped')

    expect((await fetch(`${service.url}/orders/00000000-0000-0000-0000-000000000000`)).status).toBe(404)
    expect((await fetch(`${service.url}/nowhere`)).status).toBe(404)
    expect((await placeOrder(service, { item: 'tea', quantity: 0 })).status).toBe(400)
    expect((await fetch(`${service.url}/orders`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' })).status).toBe(400)

    service.kill('SIGTERM')
    expect(await service.exit).toEqual({ code: 0, signal: null })
  })

  test('leaves without losing what is in flight', async () => {
    const service = await spawnService(variant, env)
    await service.ready
    const before = await acceptedIds(await Promise.all(Array.from({ length: 40 }, () => placeOrder(service))))
    const stream = await fetch(`${service.url}/orders/${before[0]}/events?forMs=60000`)
    const release = await holdOrders()
    const answers = Promise.allSettled(Array.from({ length: 5 }, () => placeOrder(service)))
    await untilHeld(5)

    service.kill('SIGTERM')
    expect(await stream.text()).toContain('going away')
    expect((await fetch(`${service.probeUrl}/readyz`)).status).toBe(503)
    expect((await fetch(`${service.probeUrl}/livez`)).status).toBe(200)
    release()

    const answered = (await answers).filter((answer) => answer.status === 'fulfilled').map((answer) => answer.value)
    const accepted = [...before, ...(await acceptedIds(answered))]
    expect(accepted).toHaveLength(45)
    expect(await service.exit).toEqual({ code: 0, signal: null })
    expect(service.stderr()).toBe('')
    const report = service.report()
    expect(report.result).toBe('clean')
    expect(report.steps.map((step) => step.outcome).filter((outcome) => outcome !== 'idle' && outcome !== 'drained')).toEqual([])

    // The next replica takes on what this one had not reached; nothing is skipped, nothing done twice.
    const next = await spawnService(variant, env)
    await next.ready
    expect(await verdict({ ...places, accepted })).toEqual({
      orders: { accepted: 45, missing: [] },
      events: { published: 45, shipments: 45, unpublished: [], publishedTwice: 0, lost: 0, duplicated: 0, pending: 0, caughtUp: true },
    })
    next.kill('SIGTERM')
    expect(await next.exit).toEqual({ code: 0, signal: null })
  })

  test.each(['PORT', 'PROBE_PORT'] as const)('%s in use: one clear message, no stack trace', async (name) => {
    const occupant = createServer().listen(0)
    await once(occupant, 'listening')
    const port = String((occupant.address() as { port: number }).port)
    try {
      const service = await spawnService(variant, { ...env, [name]: port })
      await expectFailedStart(service, new RegExp(`\\b${port}\\b.*\\bin use\\b|\\bin use\\b.*\\b${port}\\b`))
    } finally {
      occupant.close()
    }
  })

  test('runs without any server: orders in memory', async () => {
    const service = await spawnService(variant, { PREFIX: 'alone' })
    await service.ready
    expect(service.lines.filter((line) => line.startsWith('orders: no '))).toHaveLength(3)
    const order = (await (await placeOrder(service)).json()) as Order
    expect(await (await fetch(`${service.url}/orders/${order.id}`)).json()).toEqual(order)
    service.kill('SIGTERM')
    expect(await service.exit).toEqual({ code: 0, signal: null })
  })
})

describe('the copied helper', () => {
  const variant = { framework: 'express', helper: 'baseline' } as const

  test('serves, turns unready at the signal and leaves, when it has the time', async () => {
    const service = await spawnService(variant, env)
    await service.ready
    const accepted = await acceptedIds(await Promise.all(Array.from({ length: 10 }, () => placeOrder(service))))
    expect(await verdict({ ...places, accepted })).toMatchObject({ orders: { missing: [] }, events: { published: 10, lost: 0, duplicated: 0, caughtUp: true } })
    const stream = await fetch(`${service.url}/orders/${accepted[0]}/events?forMs=1000`)
    expect((await fetch(`${service.probeUrl}/readyz`)).status).toBe(200)
    service.kill('SIGTERM')
    await untilStatus(`${service.probeUrl}/readyz`, 503)
    expect(await stream.text()).toContain('time is up')
    expect(await service.exit).toEqual({ code: 0, signal: null })
  })

  test('gives up after its time when a stream stays open', async () => {
    const service = await spawnService(variant, { ...env, HELPER_TIMEOUT_MS: '300' })
    await service.ready
    const [id] = await acceptedIds([await placeOrder(service)])
    const stream = await fetch(`${service.url}/orders/${id}/events?forMs=60000`)
    service.kill('SIGTERM')
    await expect(stream.text()).rejects.toThrow()
    expect(await service.exit).toEqual({ code: 1, signal: null })
    expect(service.stderr()).toContain('forcefully shutting down')
  })

  test('port in use: one clear message, no stack trace', async () => {
    const occupant = createServer().listen(0)
    await once(occupant, 'listening')
    const port = String((occupant.address() as { port: number }).port)
    try {
      await expectFailedStart(await spawnService(variant, { ...env, PORT: port }), new RegExp(`port ${port} is in use`))
    } finally {
      occupant.close()
    }
  })
})

describe('what is wrong outside is told in one line', () => {
  const variant = { framework: 'express', helper: 'lameduck' } as const

  test('an unknown framework', async () => {
    const { execPath } = process
    const main = new URL('../dist/main.js', import.meta.url).pathname
    const service = await spawnService([execPath, main, '--framework', 'koa'], {})
    await expectFailedStart(service, /^orders: --framework "koa" is not known; choose one of express, fastify, nest$/)
  })

  test('a variable that is no number', async () => {
    await expectFailedStart(await spawnService(variant, { GRACE_MS: '30s' }), /^orders: GRACE_MS must be a whole number .*"30s"$/)
  })

  test('a database that cannot be reached', async () => {
    const port = await freePort()
    const service = await spawnService(variant, { ...env, DATABASE_URL: `postgres://orders:secret@127.0.0.1:${port}/orders` })
    await expectFailedStart(service, new RegExp(`^orders: PostgreSQL at 127.0.0.1:${port} is not usable: connect ECONNREFUSED.*DATABASE_URL`))
    expect(service.stderr()).not.toContain('secret')
  })

  test('a broker that cannot be reached', async () => {
    const port = await freePort()
    await expectFailedStart(await spawnService(variant, { ...env, KAFKA_BROKERS: `127.0.0.1:${port}` }), /^orders: Kafka at 127.0.0.1:\d+ is not usable: .*KAFKA_BROKERS/)
  })
})

test('waits for a cache that cannot be reached: alive, not ready, and it can be stopped', async () => {
  const port = await freePort()
  const service = await spawnService({ framework: 'express', helper: 'lameduck' }, { ...env, REDIS_URL: `redis://127.0.0.1:${port}` })
  // ioredis connects again and again, so this is no failed start; the probes answer meanwhile.
  await until(async () => service.stderr().includes(`Redis: connect ECONNREFUSED 127.0.0.1:${port}`) || nextTurn())
  expect((await fetch(`${service.probeUrl}/livez`)).status).toBe(200)
  expect((await fetch(`${service.probeUrl}/readyz`)).status).toBe(503)
  service.kill('SIGTERM')
  expect(await service.exit).toEqual({ code: 0, signal: null })
  expect(service.report().from).toBe('starting')
})

function placeOrder(service: RunningService, body: unknown = { item: 'tea', quantity: 2 }): Promise<Response> {
  return fetch(`${service.url}/orders`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

async function acceptedIds(answers: readonly Response[]): Promise<string[]> {
  const orders = await Promise.all(answers.map(async (answer) => [answer.status, (await answer.json()) as Order] as const))
  expect(orders.map(([status]) => status).filter((status) => status !== 201)).toEqual([])
  return orders.map(([, order]) => order.id)
}

async function readUntil(response: Response, text: string): Promise<void> {
  let seen = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    seen += chunk
    if (seen.includes(text)) return
  }
  throw new Error(`the stream ended without "${text}": ${seen}`)
}

/** Lets no order be inserted, so that its request stays in flight, until the returned function is called or the test is over. */
async function holdOrders(): Promise<() => void> {
  const blocker = await pool.connect()
  await blocker.query('begin')
  await blocker.query(`lock table ${namesFor(places.prefix).schema}.orders in exclusive mode`)
  const release = (): void => {
    // Closing the session ends the transaction and its lock.
    if (held.delete(release)) blocker.release(true)
  }
  held.add(release)
  return release
}

/** Until so many inserts wait for that lock. */
async function untilHeld(count: number): Promise<void> {
  const { schema } = namesFor(places.prefix)
  await until(async () => {
    const { rows } = await pool.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like $1`, [`insert into ${schema}.orders%`])
    return rows.length === count
  })
}

async function untilStatus(url: string, status: number): Promise<void> {
  await until(async () => (await fetch(url)).status === status)
}

/** Asks again at once: each question is a round trip. The test's own timeout bounds it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()));
}

/** Lets other things happen, such as output arriving. */
async function nextTurn(): Promise<false> {
  await setImmediate()
  return false
}

async function expectFailedStart(service: RunningService, message: RegExp): Promise<void> {
  const { code, signal } = await service.exit
  expect(signal).toBeNull()
  expect(code).toBeGreaterThan(0)
  // Frameworks may say something of their own besides (Nest logs a failed listen).
  const lines = service.stderr().trimEnd().split('\n').filter((line) => /^(lameduck|orders): /.test(line))
  expect(lines.filter((line) => message.test(line))).toHaveLength(1)
  expect(service.stderr()).not.toMatch(/^\s+at /m)
  expect(service.lines.some((line) => line.startsWith('orders: ready'))).toBe(false)
}
