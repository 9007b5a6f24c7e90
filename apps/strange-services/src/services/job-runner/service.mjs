// A finite job in a Kubernetes Job: it goes through a table page by page, and says how much is left when it has to go.
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const db = new Kysely({ dialect: new PostgresDialect({ pool }) })
let left = Infinity
let running

async function* pages() {
  while (left > 0 && !lifecycle.stopping.aborted) {
    const page = await db.selectFrom('accounts').select('id').where('billed', '=', false).orderBy('id').limit(7).execute()
    left = page.length === 0 ? 0 : left
    if (page.length > 0) yield page.map(({ id }) => id)
  }
}

async function bill() {
  const { n } = await db.selectFrom('accounts').select(sql`count(*)::int`.as('n')).executeTakeFirstOrThrow()
  left = n
  for await (const ids of pages()) {
    await db.transaction().execute(async (trx) => {
      await trx.updateTable('accounts').set({ billed: true }).where('id', 'in', ids).execute()
      await sql`SELECT pg_sleep(0.05)`.execute(trx)
    })
    left -= ids.length
    console.log('billed', left)
  }
}

const database = lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(
  {
    name: 'billing',
    phase: 'work',
    start() {
      running = bill()
      running.catch(() => {})
    },
    unfinished: () => left,
    drain: () => running,
    force() {},
  },
  { needs: [database] },
)
await bindProcess(lifecycle).ready()
console.log('ready')
