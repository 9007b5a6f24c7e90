// The same in callbacks, and nobody knows of the work: only the pool can tell that something is still asked of it.
import { createServer } from 'node:http'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })

function index(document, done) {
  pool.query('SELECT pg_sleep(0.05), $1::text', [document], (error) => {
    if (error) return done(error)
    pool.query('INSERT INTO terms VALUES ($1)', [document], done)
  })
}

const server = createServer((request, response) => {
  const document = request.url.slice(1)
  response.writeHead(202).end()
  index(document, (error) => console.log(error ? `gave up ${document}` : `indexed ${document}`))
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
