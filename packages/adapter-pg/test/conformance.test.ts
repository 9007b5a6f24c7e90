import { resourceSuite, tcpLink, type Harness, type Work } from '@lameduck/conformance'
import type { Resource } from '@lameduck/core'
import knex from 'knex'
import pg from 'pg'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { knexPool, pgClient, pgPool } from '../src/index.ts'
import { eventually, force } from './support/contexts.ts'
import { sessions } from './support/observe.ts'
import { startPrivateServer, type PrivateServer } from './support/postgres.ts'

let postgres: PrivateServer
beforeAll(async () => {
  postgres = await startPrivateServer()
})
afterAll(() => postgres.stop())

async function isWaitedFor(lock: number): Promise<boolean> {
  const { rowCount } = await postgres.admin.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted`, [lock])
  return rowCount === 1
}

let locks = 0
/** A query that lasts until the lock it waits for is given free. @param runsAtOnce and not behind another one */
async function holdLock(query: (text: string) => Promise<unknown>, runsAtOnce: boolean = true): Promise<Work> {
  const lock = (locks += 1)
  await postgres.admin.query('SELECT pg_advisory_lock($1)', [lock])
  let isOver = false
  const outcome = query(`SELECT pg_advisory_xact_lock(${lock})`)
    .then(() => 'finished' as const, (error: Error) => error)
    .finally(() => (isOver = true))
  // A backend that is frozen before it has read the query takes its cancellation for one of nothing, and waits on for nobody.
  if (runsAtOnce) await eventually(async () => isOver || (await isWaitedFor(lock)), (isSo) => isSo)
  return { outcome, finish: async () => void (await postgres.admin.query('SELECT pg_advisory_unlock($1)', [lock])) }
}

const works = (query: Promise<unknown>): Promise<boolean | Error> => query.then(() => true, (error: Error) => error)

/** Knex begins a query when it is awaited. */
const asPromise = async <T>(query: PromiseLike<T>): Promise<T> => query

async function signalBackends(application: string, signal: 'STOP' | 'CONT'): Promise<void> {
  for (const { pid } of await sessions(postgres.admin, application)) await postgres.signalBackend(pid, signal)
}

/** Again and again until it is so, for one may still be opened when the first are ended. */
async function terminateUntil(application: string, isEnough: (left: number) => boolean): Promise<number> {
  let terminated = 0
  await eventually(async () => {
    const { rowCount } = await postgres.admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [application])
    terminated += rowCount ?? 0
    return rowCount ?? 0
  }, isEnough)
  return terminated
}

let subjects = 0
/** What a client needs to be on its own to the server, over a link that can be cut. */
async function nextSubject() {
  const application = `subject ${(subjects += 1)}`
  const link = await tcpLink({ host: postgres.config.host, port: postgres.config.port })
  return { application, link, config: { ...postgres.config, port: link.port, application_name: application } }
}

type Subject = Omit<Awaited<ReturnType<typeof nextSubject>>, 'config'> & { readonly resource: Resource }

/** The suite with what all three harnesses do alike. */
function suite<S extends Subject>(own: Pick<Harness<S>, 'create' | 'open' | 'busy' | 'offer' | 'drop' | 'end'>): void {
  resourceSuite({
    test,
    harness: {
      ...own,
      members: ['check', ...(own.end ? (['watch'] as const) : []), 'quiesce', 'inFlight', 'waitingFor', 'tally', 'force'],
      afterQuiesce: 'serves',
      callers: 'here',
      fail: async ({ application, resource }) => void (await terminateUntil(application, () => resource.inFlight!() === 0)),
      async dispose({ application, link, resource }) {
        await force(resource)
        await link.close()
        await signalBackends(application, 'CONT')
      },
      freeze: ({ application }) => signalBackends(application, 'STOP'),
      thaw: ({ application }) => signalBackends(application, 'CONT'),
      kill: ({ link }) => link.kill(),
      connections: async ({ application }) => (await sessions(postgres.admin, application)).length,
    },
  })
}

describe('pgPool', () => {
  suite({
    drop: ({ application }) => terminateUntil(application, (left) => left === 0),
    async create() {
      const { config, ...subject } = await nextSubject()
      const pool = new pg.Pool({ ...config, max: 3 })
      return { ...subject, pool, resource: pgPool(pool, { onError: () => {} }) }
    },
    open: async ({ pool }) => void (await pool.query('SELECT 1')),
    busy: ({ pool }) => holdLock((text) => pool.query(text)),
    offer: ({ pool }) => works(pool.query('SELECT 1')),
  })
})

describe('knexPool', () => {
  suite({
    drop: ({ application }) => terminateUntil(application, (left) => left === 0),
    async create() {
      const { config, ...subject } = await nextSubject()
      const db = knex({ client: 'pg', connection: config, pool: { min: 0, max: 3 }, log: { warn: () => {} } })
      return { ...subject, db, resource: knexPool(db, { onError: () => {} }) }
    },
    open: async ({ db }) => void (await db.raw('SELECT 1')),
    busy: ({ db }) => holdLock(async (text) => db.raw(text)),
    offer: ({ db }) => works(asPromise(db.raw('SELECT 1'))),
  })
})

describe('pgClient', () => {
  suite({
    end: async ({ application }) => void (await terminateUntil(application, (left) => left === 0)),
    async create() {
      const { config, ...subject } = await nextSubject()
      const client = new pg.Client(config)
      return { ...subject, client, resource: pgClient(client, { onError: () => {} }) }
    },
    open: async ({ client }) => void (await client.connect()),
    busy: ({ client, resource }) => holdLock((text) => client.query(text), resource.inFlight!() === 0),
    offer: ({ client }) => works(client.query('SELECT 1')),
  })
})
