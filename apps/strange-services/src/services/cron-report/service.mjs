// A report every second by croner, that takes longer than it should.
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, schedule } from '@lameduck/core'
import { Cron } from 'croner'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
let runs = 0

async function report() {
  const run = `run${(runs += 1)}`
  console.log('began', run)
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    for (let page = 0; page < 4; page += 1) await client.query('INSERT INTO pages SELECT $1, $2 FROM pg_sleep(0.08)', [run, page])
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

const db = lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(
  schedule('report', report, (run) => {
    const job = new Cron('* * * * * *', run)
    return () => job.stop()
  }),
  { needs: [db] },
)
await bindProcess(lifecycle).ready()
console.log('ready')
