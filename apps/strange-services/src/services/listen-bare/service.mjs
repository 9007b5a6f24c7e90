// The same by somebody who has not read so far: an async listener that nobody awaits.
import { EventEmitter } from 'node:events'
import { pgClient, pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import pg from 'pg'

class Feed extends EventEmitter {
  constructor(client) {
    super()
    this.client = client
    client.on('notification', ({ payload }) => this.emit('change', payload))
  }
  async open(channel) {
    await this.client.connect()
    await this.client.query(`LISTEN "${channel}"`)
  }
}

const connectionString = process.env.DATABASE_URL
const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString, max: 1, connectionTimeoutMillis: 5_000 })
const feed = new Feed(new pg.Client({ connectionString }))
feed.on('change', async (row) => {
  console.log('heard', row)
  const { rows } = await pool.query('SELECT $1::text AS id, pg_sleep(0.05)', [row])
  await pool.query('INSERT INTO copied VALUES ($1)', [rows[0].id])
})

const db = lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(pgClient(feed.client, { onError: () => {} }), { needs: [db] })
await feed.open(process.env.ID)
await bindProcess(lifecycle).ready()
console.log('ready')
