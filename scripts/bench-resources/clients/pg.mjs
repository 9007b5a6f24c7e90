import { pgPool } from '@lameduck/adapter-pg'
import pg from 'pg'

export const programs = ['lameduck', 'traced']
export const operations = { query: 1_000, transaction: 400 }

/** A pool of 4, all of them open, as it is (`bare`) or attached; `traced` with `traceCheckouts`. */
export async function open(program, url) {
  const pool = new pg.Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 20_000 })
  pool.on('error', () => {})
  const resource = program === 'bare' ? undefined : pgPool(pool, { traceCheckouts: program === 'traced' })
  await Promise.all(Array.from({ length: 4 }, () => pool.query('SELECT pg_sleep(0.02)')))
  return {
    resource,
    work: { query: () => pool.query('SELECT 1'), transaction: () => transaction(pool, 'SELECT 1') },
    close: () => pool.end(),
    busy: () => Array.from({ length: 60 }, () => transaction(pool, 'SELECT pg_sleep(0.01)')),
    stick: () => pool.query('SELECT pg_sleep(60)'),
  }
}

async function transaction(pool, query) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query(query)
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}
