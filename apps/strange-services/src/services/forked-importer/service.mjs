// A front door and an importer in a child process, which takes its work from a table and has a lifecycle of its own.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { pgPool } from '@lameduck/adapter-pg'
import { expressApp } from '@lameduck/adapter-express'
import { bindProcess, childProcess, createLifecycle } from '@lameduck/core'
import express from 'express'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
const child = fork(fileURLToPath(new URL('importer.mjs', import.meta.url)))
await once(child, 'message')

const app = express()
app.post('/:id', async (request, response) => {
  await pool.query(`INSERT INTO imports VALUES ($1, 'waiting')`, [request.params.id])
  response.sendStatus(202)
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(childProcess(child, { name: 'importer' }))
const web = expressApp(app, { port: 0, host: '127.0.0.1' })
lifecycle.add(web)
await bindProcess(lifecycle).ready()
console.log(`ready ${web.server.address().port}`)
