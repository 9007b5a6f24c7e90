// Thermometers report over WebSockets and are never answered. Each report is a row, and takes a while.
import { createServer } from 'node:http'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'
import { WebSocketServer } from 'ws'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4, connectionTimeoutMillis: 5_000 })
const reports = trackedWork('reports')
const server = createServer()

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on(
    'message',
    reports.wrap(async function store(data) {
      console.log('began', data.toString())
      await pool.query('SELECT pg_sleep(0.2)')
      await pool.query('INSERT INTO reports VALUES ($1)', [data.toString()])
    }),
  )
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(reports)
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' }, upgradedWork: reports }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
