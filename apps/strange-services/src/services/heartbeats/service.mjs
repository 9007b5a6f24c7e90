// "I am alive" every 40 ms to three places, by timers that nobody stops. The collector of the traces takes a moment to close.
import { redis } from '@lameduck/adapter-ioredis'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Redis } from 'ioredis'
import pg from 'pg'

const { ID, REDIS_URL, DATABASE_URL, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const client = new Redis(REDIS_URL)
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const piped = new Redis(REDIS_URL, { enableAutoPipelining: true })

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(redis(client))
lifecycle.add(redis(piped, { name: 'redis (auto-pipelined)' }))
lifecycle.add({ name: 'traces', phase: 'telemetry', drain: () => new Promise((resolve) => setTimeout(resolve, 700)) })
await bindProcess(lifecycle).ready()

setInterval(() => {
  client.set(`${ID}:alive`, Date.now(), 'EX', 5)
}, 40)
setInterval(async () => {
  await pool.query('UPDATE alive SET at = now()')
}, 40)
setInterval(async () => {
  await piped.expire(`${ID}:alive`, 5)
  console.log('beat')
}, 40)
console.log('ready')
