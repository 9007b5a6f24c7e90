// Thumbnails: a step, a timer, another step, and none of it is told to anybody. The traces take a moment at the end, so the timers still fire.
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4, connectionTimeoutMillis: 5_000 })
const later = promisify(setTimeout)

async function shrink(picture) {
  await pool.query('INSERT INTO begun VALUES ($1)', [picture])
  await later(200)
  await pool.query('INSERT INTO shrunk VALUES ($1)', [picture])
}

const server = createServer((request, response) => {
  const picture = request.url.slice(1)
  shrink(picture).catch((error) => console.log(`gave up ${picture}`, error.message))
  response.writeHead(202).end()
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
lifecycle.add({ name: 'traces', phase: 'telemetry', drain: () => later(600) })
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
