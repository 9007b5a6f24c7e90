import 'reflect-metadata'
import { createRequire } from 'node:module'
import type { Resource } from '@lameduck/core'
import { sql as drizzleSql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import knexNewest, { type Knex } from 'knex'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { DataSource, type DataSourceOptions } from 'typeorm'
import { knexPool, pgPool } from '../../src/index.ts'
import { waitForGate } from './ledger.ts'
import type { Database } from './postgres.ts'

const require = createRequire(import.meta.url)
export const knexOldest = require('knex-2.0') as typeof knexNewest

/** A library over pg with 4 connections, registered as its README section says. */
export interface Orm {
  readonly resource: Resource
  /** One transaction that inserts the row and waits for its gate. */
  readonly transaction: (id: number) => Promise<unknown>
  /** Begins a transaction that inserts the row, and forgets it. */
  readonly leak: (id: number) => Promise<unknown>
  readonly query: (text: string) => Promise<unknown>
  /** What its documentation says to do in the end. */
  readonly close: () => Promise<unknown>
}

type Create = (config: Database['config'] & { readonly application_name: string }) => Promise<Orm> | Orm

const options = { onError: () => {} }
const traced = { ...options, traceCheckouts: true }

function knexOf(make: typeof knexNewest): Create {
  return (connection) => {
    const warn = (): void => {}
    const db: Knex = make({ client: 'pg', connection, pool: { min: 0, max: 4 }, log: { warn } })
    return {
      resource: knexPool(db, options),
      transaction: (id) =>
        db.transaction(async (trx) => {
          await trx('ledger').insert({ id })
          await trx.raw(waitForGate(id))
        }),
      async leak(id) {
        const trx = await db.transaction()
        await trx('ledger').insert({ id })
      },
      query: async (text) => db.raw(text),
      close: () => db.destroy(),
    }
  }
}

class AuditedPool extends pg.Pool {
  readonly #taken: number[] = []
  override connect(): Promise<pg.PoolClient>
  override connect(callback: (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: unknown) => void) => void): void
  override connect(callback?: (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: unknown) => void) => void): Promise<pg.PoolClient> | void {
    this.#taken.push(this.totalCount)
    return callback ? super.connect(callback) : super.connect()
  }
  get taken(): number {
    return this.#taken.length
  }
}

async function inTransaction(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<unknown>): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await work(client)
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

export const orms: Readonly<Record<string, Create>> = {
  knex: knexOf(knexNewest),
  'knex 2.0': knexOf(knexOldest),
  drizzle(config) {
    const db = drizzle({ connection: { ...config, max: 4 } })
    return {
      resource: pgPool(db.$client, traced),
      transaction: (id) =>
        db.transaction(async (tx) => {
          await tx.execute(drizzleSql`INSERT INTO ledger VALUES (${id})`)
          await tx.execute(drizzleSql.raw(waitForGate(id)))
        }),
      leak: async (id) =>
        new Promise((resolve) => {
          db.transaction(async (tx) => {
            await tx.execute(drizzleSql`INSERT INTO ledger VALUES (${id})`)
            resolve(undefined)
            await new Promise(() => {})
          }).catch(() => {})
        }),
      query: async (text) => db.execute(drizzleSql.raw(text)),
      close: () => db.$client.end(),
    }
  },
  kysely(config) {
    const pool = new pg.Pool({ ...config, max: 4 })
    const db = new Kysely<{ ledger: { id: number } }>({ dialect: new PostgresDialect({ pool }) })
    return {
      resource: pgPool(pool, traced),
      transaction: (id) =>
        db.transaction().execute(async (trx) => {
          await trx.insertInto('ledger').values({ id }).execute()
          await sql.raw(waitForGate(id)).execute(trx)
        }),
      async leak(id) {
        const trx = await db.startTransaction().execute()
        await trx.insertInto('ledger').values({ id }).execute()
      },
      query: (text) => sql.raw(text).execute(db),
      close: () => db.destroy(),
    }
  },
  async typeorm({ user, application_name, ...config }) {
    const source: DataSourceOptions = { type: 'postgres', ...config, username: user, applicationName: application_name, poolSize: 4, poolErrorHandler: () => {} }
    const db = await new DataSource(source).initialize()
    const { master } = db.driver as unknown as { readonly master: pg.Pool }
    return {
      resource: pgPool(master, traced),
      transaction: (id) =>
        db.transaction(async (manager) => {
          await manager.query('INSERT INTO ledger VALUES ($1)', [id])
          await manager.query(waitForGate(id))
        }),
      async leak(id) {
        const runner = db.createQueryRunner()
        await runner.startTransaction()
        await runner.query('INSERT INTO ledger VALUES ($1)', [id])
      },
      query: (text) => db.query(text),
      close: () => db.destroy(),
    }
  },
  'a subclass of pg.Pool'(config) {
    const pool = new AuditedPool({ ...config, max: 4 })
    return {
      resource: pgPool(pool, traced),
      transaction: (id) =>
        inTransaction(pool, async (client) => {
          await client.query('INSERT INTO ledger VALUES ($1)', [id])
          await client.query(waitForGate(id))
          if (pool.taken === 0) throw new Error('the subclass was circumvented')
        }),
      async leak(id) {
        const client = await pool.connect()
        await client.query('BEGIN')
        await client.query('INSERT INTO ledger VALUES ($1)', [id])
      },
      query: (text) => pool.query(text),
      close: () => pool.end(),
    }
  },
}
