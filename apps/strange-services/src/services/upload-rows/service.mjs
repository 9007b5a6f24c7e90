// Uploads of lines, streamed into a table while they come: 201 when the last line is committed.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4, connectionTimeoutMillis: 5_000 })

const server = createServer(async (request, response) => {
  const file = request.url.slice(1)
  let client
  try {
    client = await pool.connect()
    await client.query('BEGIN')
    let line = 0
    for await (const text of createInterface({ input: request, crlfDelay: Infinity })) {
      await client.query('INSERT INTO lines VALUES ($1, $2, $3)', [file, (line += 1), text])
      if (line === 1) console.log('began', file)
    }
    await client.query('COMMIT')
    response.writeHead(201).end(String(line))
  } catch (error) {
    await client?.query('ROLLBACK').catch(() => {})
    response.writeHead(503).end(error.message)
  } finally {
    client?.release()
  }
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
