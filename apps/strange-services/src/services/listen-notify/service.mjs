// Cache invalidation gone wild: NOTIFY brings work, and the handler needs three queries for it.
import { pgClient, pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import pg from 'pg'

const connectionString = process.env.DATABASE_URL
const onError = () => {}
const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString, max: 3, connectionTimeoutMillis: 5_000 })
const listener = new pg.Client({ connectionString })
const refreshes = trackedWork('refreshes')

const db = lifecycle.add(pgPool(pool, { onError }))
const work = lifecycle.add(refreshes, { needs: [db] })
lifecycle.add(pgClient(listener, { onError }), { needs: [work] })

await listener.connect()
listener.on(
  'notification',
  refreshes.wrap(async function refresh({ payload }) {
    console.log('heard', payload)
    await pool.query('SELECT pg_sleep(0.05)')
    await new Promise((resolve) => setTimeout(resolve, 30))
    await pool.query('INSERT INTO refreshed VALUES ($1)', [payload])
  }),
)
await listener.query(`LISTEN "${process.env.ID}"`)
await bindProcess(lifecycle).ready()
console.log('ready')
