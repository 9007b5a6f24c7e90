import type { Resource } from '@lameduck/core'
import type { Server } from '@lameduck/servers'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Harness } from '../../src/index.ts'
import { doneRight, isDone, linkTo, outcomeOf, overLink, startPrivate, verdictOn, type Linked } from './verdict.ts'

let server: Server
let admin: pg.Client
let locks = 0
beforeAll(async () => {
  server = await startPrivate('postgres')
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
      const link = await linkTo(server)
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
  const { fails, passes } = await verdictOn(poolHarness(['force'], (pool) => ({ drain: () => pool.end(), force: () => pool.end() })))
  expect(fails).toEqual(
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
  expect(passes).toEqual(expect.arrayContaining(doneRight))
})

test('pool.end() once for both, with an error listener', async () => {
  const harness = poolHarness(['force'], (pool) => {
    let ended: Promise<void> | undefined
    pool.on('error', () => {})
    const end = (): Promise<void> => (ended ??= pool.end())
    return { drain: end, force: end }
  })
  const { fails, passes } = await verdictOn(harness)
  expect(fails).toEqual(
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
  expect(passes).toEqual(expect.arrayContaining(doneRight))
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
  const { fails, passes } = await verdictOn(harness)
  expect(fails).toEqual(
    expect.arrayContaining([
      'quiesce may come at any time, and again: before the start, drained, cut',
      'goes on serving after quiesce, until it drains',
      'drain settles soon after it is aborted, with work in flight',
    ]),
  )
  expect(passes).toEqual(expect.arrayContaining(doneRight))
})
