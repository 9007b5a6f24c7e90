// Express 5 with an error handler that answers first and writes the incident afterwards, in a promise that nobody awaits.
const express = require('express')
const { Pool } = require('pg')
const { expressApp } = require('@lameduck/adapter-express')
const { pgPool } = require('@lameduck/adapter-pg')
const { bindProcess, createLifecycle } = require('@lameduck/core')

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const app = express()

app.get('/:id', async (request) => {
  console.log('began', request.params.id)
  await pool.query('SELECT pg_sleep(0.1)')
  throw new Error('a mistake')
})
app.use((error, request, response, _next) => {
  const id = request.path.slice(1)
  response.status(500).json({ incident: id })
  pool.query('INSERT INTO incidents SELECT $1, $2 FROM pg_sleep(0.05)', [id, error.message]).catch((problem) => console.log(`gave up ${id}`, problem.message))
})

lifecycle.add(pgPool(pool, { onError() {} }))
const web = expressApp(app, { port: 0, host: '127.0.0.1' })
lifecycle.add(web)
bindProcess(lifecycle)
  .ready()
  .then(() => console.log(`ready ${web.server.address().port}`))
