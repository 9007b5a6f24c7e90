// Orders by Knex: the row of the order, the row of the stock, and a hook that writes the history when the transaction is through.
import { createServer } from 'node:http'
import { knexPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import knex from 'knex'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const db = knex({ client: 'pg', connection: process.env.DATABASE_URL, pool: { min: 0, max: 3 } })

async function place(id) {
  await db.transaction(async (trx) => {
    const [{ left }] = await trx('stock').decrement('left', 1).returning('left')
    await trx.raw('SELECT pg_sleep(0.05)')
    await trx('orders').insert({ id, left })
  })
}

const server = createServer(async (request, response) => {
  const id = request.url.slice(1)
  console.log('began', id)
  try {
    await place(id)
    response.writeHead(201).end()
    // Nobody waits for the history.
    db('history').insert({ id }).then(() => {}, (error) => console.log(`gave up history-${id}`, error.message))
  } catch (error) {
    response.writeHead(503).end(error.message)
  }
})

lifecycle.add(knexPool(db, { onError: () => {} }))
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
