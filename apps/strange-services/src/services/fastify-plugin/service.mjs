// A plugin of usage counts, that keeps them in memory and writes them in its onClose hook, where it also ends its own pool.
import { fastifyApp } from '@lameduck/adapter-fastify'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { fastify } from 'fastify'
import pg from 'pg'

async function usage(app, { connectionString }) {
  const pool = new pg.Pool({ connectionString, max: 1, connectionTimeoutMillis: 4_000 })
  pool.on('error', () => {})
  const counts = new Map()
  app.addHook('onResponse', async (request) => {
    counts.set(request.url, (counts.get(request.url) ?? 0) + 1)
  })
  app.addHook('onClose', async () => {
    try {
      for (const [url, count] of counts) await pool.query('INSERT INTO usage VALUES ($1, $2)', [url.slice(1), count])
    } finally {
      await pool.end()
    }
  })
  app.get('/:id', async () => {
    await new Promise((resolve) => setTimeout(resolve, 150))
    return 'ok'
  })
}

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const app = fastify()
app.register(usage, { connectionString: process.env.DATABASE_URL })
app.addHook('onRequest', async () => console.log('began'))
lifecycle.add(fastifyApp(app, { port: 0, host: '127.0.0.1' }))
await bindProcess(lifecycle).ready()
console.log(`ready ${app.server.address().port}`)
