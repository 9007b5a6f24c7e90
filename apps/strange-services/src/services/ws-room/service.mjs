// A drawing board: what somebody has drawn is written when he leaves, and at the end everybody leaves at once.
import { createServer } from 'node:http'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'
import { WebSocketServer } from 'ws'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const saves = trackedWork('saves')
const server = createServer()
const room = new WebSocketServer({ server })

room.on('connection', (socket, request) => {
  const strokes = []
  socket.on('message', (data) => strokes.push(data.toString()))
  socket.on(
    'close',
    saves.wrap(async function save() {
      const { rows } = await pool.query('SELECT count(*) FROM boards, pg_sleep(0.05)')
      await pool.query('INSERT INTO boards VALUES ($1, $2, $3)', [request.url.slice(1), strokes.join(' '), rows[0].count])
    }),
  )
  socket.on('message', () => socket.send('drawn'))
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(saves)
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
