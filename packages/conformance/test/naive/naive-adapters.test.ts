import type { Resource } from '@lameduck/core'
import { startServer } from '@lameduck/servers'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tcpLink, type Harness, type Subject, type TcpLink } from '../../src/index.ts'
import { collectSuite, failuresOf } from '../collect-suite.ts'

// What people write first, on the real server: which checks say what is wrong with it.

type Server = Extract<Awaited<ReturnType<typeof startServer>>, { ok: true }>

async function start(kind: 'postgres' | 'redis'): Promise<Server> {
  const server = await startServer(kind, { private: true })
  if (!server.ok) throw new Error(server.message)
  return server
}

interface Linked extends Subject {
  readonly link: TcpLink
}

const overLink = {
  freeze: ({ link }: Linked) => link.freeze(),
  thaw: ({ link }: Linked) => link.thaw(),
  kill: ({ link }: Linked) => link.kill(),
  connections: ({ link }: Linked) => link.connections(),
}

const bounds = { settleMs: 600, watchMs: 20, harnessMs: 2_000 }
const isDone = (work: Promise<unknown>): Promise<boolean> => work.then(() => true, () => false)
const outcomeOf = (work: Promise<unknown>): Promise<'finished' | 'failed'> => work.then(() => 'finished' as const, () => 'failed' as const)

/** The names of the checks that fail. */
async function caughtBy<S extends Subject>(harness: Harness<S>): Promise<string[]> {
  return [...(await failuresOf(collectSuite({ harness, ...bounds }))).keys()]
}

describe('node-postgres', () => {
  let server: Server
  let admin: pg.Client
  let locks = 0
  beforeAll(async () => {
    server = await start('postgres')
    admin = new pg.Client(server.url)
    await admin.connect()
  })
  afterAll(async () => {
    await admin.end()
    await server.stop()
  })

  interface PoolSubject extends Linked {
    readonly pool: pg.Pool
  }

  function poolHarness(members: Harness<PoolSubject>['members'], naive: (pool: pg.Pool) => Partial<Resource> & Pick<Resource, 'drain'>): Harness<PoolSubject> {
    return {
      ...overLink,
      members,
      afterQuiesce: 'serves',
      async create() {
        const { hostname, port } = new URL(server.url)
        const link = await tcpLink({ host: hostname, port: Number(port) })
        const url = new URL(server.url)
        url.host = `${link.host}:${link.port}`
        const pool = new pg.Pool({ connectionString: url.href, max: 3 })
        return { link, pool, resource: { name: 'pool', phase: 'connections', ...naive(pool) } }
      },
      async dispose({ link, pool }) {
        pool.on('error', () => {})
        await link.close()
        await pool.end().catch(() => {})
        // Of a client that was given up: the server's side of a query that waits for its lock.
        await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = $1', ['client backend'])
      },
      open: async ({ pool }) => void (await pool.query('SELECT 1')),
      async busy({ pool }) {
        const lock = (locks += 1)
        await admin.query('SELECT pg_advisory_lock($1)', [lock])
        const outcome = outcomeOf(pool.query('SELECT pg_advisory_xact_lock($1)', [lock]))
        return { outcome, finish: async () => void (await admin.query('SELECT pg_advisory_unlock($1)', [lock])) }
      },
      offer: ({ pool }) => isDone(pool.query('SELECT 1')),
    }
  }

  test('pool.end(), and again when time is up, without an error listener', async () => {
    expect(await caughtBy(poolHarness(['force'], (pool) => ({ drain: () => pool.end(), force: () => pool.end() })))).toEqual(
      expect.arrayContaining([
        'drain called several times, at once and after one another, is one drain',
        'drain settles soon after it is aborted, with work in flight',
        'drain settles soon after it is aborted, though the peer is frozen',
        'force settles within its bound: busy, and no caller is left waiting',
        'force settles within its bound: drained',
        'force settles within its bound: frozen peer',
        'force settles within its bound: several times, at once and after one another',
        'nothing is left in the process after force: no timer, no socket',
        'no connection is left at the peer after force',
        'nothing is left unhandled by a peer that dies: no rejection, no error event',
      ]),
    )
  })

  test('pool.end() once for both, with an error listener', async () => {
    const harness = poolHarness(['force'], (pool) => {
      let ended: Promise<void> | undefined
      pool.on('error', () => {})
      const end = (): Promise<void> => (ended ??= pool.end())
      return { drain: end, force: end }
    })
    expect(await caughtBy(harness)).toEqual(
      expect.arrayContaining([
        'drain settles soon after it is aborted, with work in flight',
        'drain settles soon after it is aborted, though the peer is frozen',
        'drain after force settles',
        'force settles within its bound: busy, and no caller is left waiting',
        'force settles within its bound: draining, without waiting for drain',
        'force settles within its bound: frozen peer, with a drain waiting for it',
        'nothing is left in the process after force: no timer, no socket',
        'no connection is left at the peer after force',
      ]),
    )
  })

  test('pool.end() in quiesce', async () => {
    const harness = poolHarness(['quiesce'], (pool) => {
      let ended: Promise<void> | undefined
      pool.on('error', () => {})
      return {
        quiesce: () => void (ended = pool.end()),
        drain: () => ended,
      }
    })
    expect(await caughtBy(harness)).toEqual(
      expect.arrayContaining([
        'quiesce may come at any time, and again: before the start, drained, cut',
        'goes on serving after quiesce, until it drains',
        'drain settles soon after it is aborted, with work in flight',
      ]),
    )
  })
})

describe('ioredis', () => {
  let server: Server
  let admin: Redis
  let keys = 0
  beforeAll(async () => {
    server = await start('redis')
    admin = new Redis(server.url)
  })
  afterAll(async () => {
    admin.disconnect()
    await server.stop()
  })

  interface RedisSubject extends Linked {
    readonly client: Redis
  }

  function redisHarness(members: Harness<RedisSubject>['members'], naive: (client: Redis) => Partial<Resource> & Pick<Resource, 'drain'>): Harness<RedisSubject> {
    return {
      ...overLink,
      members,
      afterQuiesce: 'serves',
      async create() {
        const { hostname, port } = new URL(server.url)
        const link = await tcpLink({ host: hostname, port: Number(port) })
        const client = new Redis({ host: link.host, port: link.port, lazyConnect: true })
        return { link, client, resource: { name: 'redis', phase: 'connections', ...naive(client) } }
      },
      async dispose({ link, client }) {
        client.on('error', () => {})
        client.disconnect()
        client.stream?.destroy()
        await link.close()
      },
      open: ({ client }) => client.connect(),
      busy({ client }) {
        const key = `naive:${(keys += 1)}`
        return { outcome: outcomeOf(client.blpop(key, 0)), finish: async () => void (await admin.rpush(key, 'x')) }
      },
      offer: ({ client }) => isDone(client.incr('naive')),
    }
  }

  test('quit(), and disconnect() when time is up', async () => {
    expect(await caughtBy(redisHarness(['force'], (client) => ({ drain: async () => void (await client.quit()), force: () => client.disconnect() })))).toEqual(
      expect.arrayContaining([
        'drain called several times, at once and after one another, is one drain',
        'drain settles soon after it is aborted, with work in flight',
        'drain settles soon after it is aborted, though the peer is frozen',
        'nothing is left in the process after force with a frozen peer: no timer, no socket',
      ]),
    )
  })

  test('disconnect() for both', async () => {
    expect(await caughtBy(redisHarness(['force'], (client) => ({ drain: () => client.disconnect(), force: () => client.disconnect() })))).toEqual(
      expect.arrayContaining([
        'drain finishes what is in flight, and only then settles',
        'nothing is left in the process after force with a frozen peer: no timer, no socket',
      ]),
    )
  })
})
