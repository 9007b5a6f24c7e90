// DataLoader's idea for writes: events are collected for 50 ms and inserted at once; each request is answered when its batch is in.
import { fastifyApp } from '@lameduck/adapter-fastify'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { fastify } from 'fastify'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })

let batch = []
function insertSoon(id) {
  return new Promise((resolve, reject) => {
    if (batch.length === 0) setTimeout(insertBatch, 50)
    batch.push({ id, resolve, reject })
  })
}
function insertBatch() {
  const due = batch
  batch = []
  pool.query('WITH slow AS MATERIALIZED (SELECT pg_sleep(0.2)) INSERT INTO events SELECT unnest($1::text[]) FROM slow', [due.map(({ id }) => id)]).then(
    () => due.forEach(({ resolve }) => resolve()),
    (error) => due.forEach(({ reject }) => reject(error)),
  )
}

const app = fastify()
app.post('/:id', async (request, reply) => {
  await insertSoon(request.params.id)
  return reply.code(201).send()
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(fastifyApp(app, { port: 0, host: '127.0.0.1' }))
await bindProcess(lifecycle).ready()
console.log(`ready ${app.server.address().port}`)
