// A mailer that says 202 and sends afterwards: the client is gone when the work begins.
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 3, connectionTimeoutMillis: 5_000 })
const mails = trackedWork('mails')

async function send(to) {
  const { rows } = await pool.query('SELECT count(*) FROM mails')
  await pause(150 + Number(rows[0].count))
  await pool.query('INSERT INTO mails VALUES ($1)', [to])
}

const server = createServer((request, response) => {
  const to = request.url.slice(1)
  mails.run(() => send(to), `mail to ${to}`).catch((error) => console.log(`gave up ${to}`, error.message))
  response.writeHead(202).end()
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(mails)
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
