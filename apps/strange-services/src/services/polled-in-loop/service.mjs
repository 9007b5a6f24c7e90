// A loop that polls a table for ever, and knows of no signal.
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
lifecycle.add(pgPool(pool, { onError: () => {} }))
await bindProcess(lifecycle).ready()

;(async function poll() {
  for (;;) {
    const { rowCount } = await pool.query(`DELETE FROM inbox WHERE id = 'something'`)
    if (rowCount === 0) console.log('nothing')
  }
})().catch((error) => console.log('the loop has ended:', error.message))
console.log('ready')
