// A bank by hand: one transaction a request, a savepoint for each leg of it, and a leg that fails is rolled back alone.
import express from 'express'
import { expressApp } from '@lameduck/adapter-express'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle } from '@lameduck/core'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 3, connectionTimeoutMillis: 5_000 })

async function transfer(id) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    for (const leg of ['debit', 'fee', 'credit']) {
      await client.query(`SAVEPOINT ${leg}`)
      try {
        await client.query('INSERT INTO legs VALUES ($1, $2)', [id, leg])
        await client.query('SELECT pg_sleep(0.04)')
        if (leg === 'fee') await client.query('SELECT 1 / 0')
        await client.query(`RELEASE SAVEPOINT ${leg}`)
      } catch (error) {
        if (leg !== 'fee') throw error
        await client.query(`ROLLBACK TO SAVEPOINT ${leg}`)
      }
    }
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  } finally {
    client.release()
  }
}

const app = express()
app.post('/:id', (request, response, next) => {
  console.log('began', request.params.id)
  transfer(request.params.id).then(() => response.sendStatus(201), next)
})
app.use((error, request, response, _next) => response.status(503).send(error.message))

lifecycle.add(pgPool(pool, { onError: () => {} }))
const web = expressApp(app, { port: 0, host: '127.0.0.1' })
lifecycle.add(web)
await bindProcess(lifecycle).ready()
console.log(`ready ${web.server.address().port}`)
