// Orders over WebSockets: each message is a row, and acknowledged when that is in. Handlers of one socket overlap.
import { createServer } from 'node:http'
import { knexPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import knex from 'knex'
import { WebSocketServer } from 'ws'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const db = knex({ client: 'pg', connection: process.env.DATABASE_URL, pool: { min: 0, max: 4 } })
const messages = trackedWork('messages')
const server = createServer()

new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data) => {
    const id = data.toString()
    console.log('began', id)
    messages
      .run(async () => {
        await db.raw('SELECT pg_sleep(0.1)')
        await db('ticks').insert({ id })
      }, id)
      .then(
        () => socket.send(`ok ${id}`),
        (error) => socket.send(`no ${id} ${error.message}`),
      )
  })
})

lifecycle.add(knexPool(db, { onError: () => {} }))
lifecycle.add(messages)
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
