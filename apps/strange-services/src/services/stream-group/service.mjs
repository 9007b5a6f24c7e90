// A consumer group on a Redis stream: XREADGROUP, three at a time, XACK when the row is in.
import { blockingRedis, redis } from '@lameduck/adapter-ioredis'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Redis } from 'ioredis'
import pg from 'pg'

const stream = process.env.ID
const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const reader = new Redis(process.env.REDIS_URL)
const client = new Redis(process.env.REDIS_URL)

async function handle([entry, [, text]]) {
  console.log('began', text)
  await pool.query('INSERT INTO entries SELECT $1 FROM pg_sleep(0.05)', [text])
  await client.xack(stream, 'workers', entry)
}

async function consume() {
  while (!lifecycle.stopping.aborted) {
    const found = await reader.xreadgroup('GROUP', 'workers', 'one', 'COUNT', 3, 'BLOCK', 0, 'STREAMS', stream, '>')
    for (const [, entries] of found ?? []) await Promise.allSettled(entries.map(handle))
  }
}

const needs = [lifecycle.add(pgPool(pool, { onError: () => {} })), lifecycle.add(redis(client))]
lifecycle.add(blockingRedis(reader, { loop: consume() }), { needs })
await bindProcess(lifecycle).ready()
console.log('ready')
