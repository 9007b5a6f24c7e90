// Recalculations that were promised by a 202; the database ends one in three because it takes too long.
import { createServer } from 'node:http'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 3, connectionTimeoutMillis: 5_000, statement_timeout: 800 })
const recalculations = trackedWork('recalculations')
const calculate = recalculations.wrap(async function recalculate(id) {
  const seconds = Number(id.slice(1)) % 3 === 0 ? 5 : 0.05
  await pool.query('INSERT INTO results SELECT $1 FROM pg_sleep($2)', [id, seconds])
})

const server = createServer((request, response) => {
  const id = request.url.slice(1)
  calculate(id).catch((error) => console.log(`gave up ${id}`, error.message))
  response.writeHead(202).end()
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(recalculations)
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
