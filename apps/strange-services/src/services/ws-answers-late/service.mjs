// A chat that stores each message before it answers. Nobody has told lameduck what a message begins.
import { createServer } from 'node:http'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'
import { WebSocketServer } from 'ws'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8, connectionTimeoutMillis: 5_000 })
const server = createServer()

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', async (data) => {
    const id = data.toString()
    console.log('began', id)
    try {
      await new Promise((resolve) => setTimeout(resolve, 400))
      await pool.query('INSERT INTO messages VALUES ($1)', [id])
      socket.send(`stored ${id}`)
    } catch (error) {
      socket.send(`no ${id}: ${error.message}`)
    }
  })
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
