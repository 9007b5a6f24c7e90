// An export of a large table through a cursor, to a client that reads slowly.
import { createServer } from 'node:http'
import { pipeline } from 'node:stream'
import { Transform } from 'node:stream'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'
import QueryStream from 'pg-query-stream'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 3, connectionTimeoutMillis: 5_000 })

const server = createServer((request, response) => {
  pool.connect((error, client, release) => {
    if (error) return void response.writeHead(503).end()
    const rows = client.query(new QueryStream(`SELECT n, repeat('x', 1000) AS text FROM generate_series(1, 6000) AS n`, [], { batchSize: 50 }))
    const lines = new Transform({ writableObjectMode: true, transform: (row, _encoding, done) => done(null, `${row.n} ${row.text}\n`) })
    response.writeHead(200, { 'Content-Type': 'text/plain' })
    pipeline(rows, lines, response, (problem) => release(problem))
  })
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
