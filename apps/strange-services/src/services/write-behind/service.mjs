// A settings service that writes behind: a Map in front of a table, flushed by a timer.
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { expressApp } from '@lameduck/adapter-express'
import express from 'express'
import pg from 'pg'

class WriteBehind {
  dirty = new Map()
  flushing = Promise.resolve()

  constructor(pool) {
    this.pool = pool
    this.timer = setInterval(() => this.flush().catch(() => {}), 60_000)
  }

  set(key, value) {
    this.dirty.set(key, value)
    if (this.dirty.size === 16) this.flush().catch(() => {})
  }

  flush() {
    this.flushing = this.flushing.catch(() => {}).then(async () => {
      const batch = [...this.dirty]
      if (batch.length === 0) return
      await this.pool.query('INSERT INTO settings SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (key) DO UPDATE SET value = excluded.value', [
        batch.map(([key]) => key),
        batch.map(([, value]) => value),
      ])
      for (const [key, value] of batch) if (this.dirty.get(key) === value) this.dirty.delete(key)
    })
    return this.flushing
  }
}

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const cache = new WriteBehind(pool)
const app = express()
app.put('/:key', (request, response) => {
  cache.set(request.params.key, request.query.value)
  response.sendStatus(204)
})

const db = lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(
  {
    name: 'write-behind',
    phase: 'work',
    inFlight: () => cache.dirty.size,
    async drain() {
      clearInterval(cache.timer)
      await cache.flush()
    },
    force() {},
  },
  { needs: [db] },
)
const web = expressApp(app, { port: 0, host: '127.0.0.1' })
lifecycle.add(web)
await bindProcess(lifecycle).ready()
console.log(`ready ${web.server.address().port}`)
