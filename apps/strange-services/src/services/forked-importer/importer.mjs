import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, schedule } from '@lameduck/core'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) - 3_000 } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })

async function importOne() {
  const { rows } = await pool.query(`UPDATE imports SET state = 'running' WHERE id = (SELECT id FROM imports WHERE state = 'waiting' LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id`)
  for (const { id } of rows) {
    console.log('began', id)
    await new Promise((resolve) => setTimeout(resolve, 300))
    await pool.query(`UPDATE imports SET state = 'done' WHERE id = $1`, [id])
  }
}

const db = lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(schedule('import', importOne, 10), { needs: [db] })
await bindProcess(lifecycle, { onReport: () => {} }).ready()
process.send('ready')
