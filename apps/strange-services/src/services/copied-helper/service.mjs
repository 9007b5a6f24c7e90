// A shutdown helper that was copied from service to service, and that nobody dares to remove: it closes, ends the pool, exits. lameduck adopts it.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 3, connectionTimeoutMillis: 5_000 })
pool.on('error', () => {})
const server = createServer(async (request, response) => {
  const id = request.url.slice(1)
  console.log('began', id)
  try {
    await pool.query('SELECT pg_sleep(0.1)')
    await pool.query('INSERT INTO kept VALUES ($1)', [id])
    response.writeHead(201).end()
  } catch (error) {
    response.writeHead(503).end(error.message)
  }
})

process.once('SIGTERM', function shutdown() {
  console.log('shutting down')
  server.close()
  pool.end().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle, { otherListeners: 'adopt' }).ready()
console.log(`ready ${server.address().port}`)
