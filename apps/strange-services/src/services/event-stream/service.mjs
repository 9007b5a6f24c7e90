// Server-sent events out of a table; when the stream ends, how far the client has come is written.
import { pgPool } from '@lameduck/adapter-pg'
import { fastifyApp } from '@lameduck/adapter-fastify'
import { bindProcess, createLifecycle, trackedWork } from '@lameduck/core'
import { fastify } from 'fastify'
import pg from 'pg'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 3, connectionTimeoutMillis: 5_000 })
const cursors = trackedWork('cursors')
const app = fastify()

app.get('/:client', (request, reply) => {
  reply.hijack()
  const { raw: response } = reply
  let last = 0
  const timer = setInterval(() => response.write(`id: ${(last += 1)}\ndata: tick\n\n`), 30)
  const bye = () => response.end('event: bye\ndata:\n\n')
  lifecycle.draining.addEventListener('abort', bye, { once: true })
  response.on('close', () => {
    clearInterval(timer)
    lifecycle.draining.removeEventListener('abort', bye)
    cursors.run(() => pool.query('INSERT INTO cursors SELECT $1, $2 FROM pg_sleep(0.1)', [request.params.client, last])).catch((error) => console.log('no cursor:', error.message))
  })
  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  response.write(': hello\n\n')
})

lifecycle.add(pgPool(pool, { onError: () => {} }))
lifecycle.add(cursors)
lifecycle.add(fastifyApp(app, { port: 0, host: '127.0.0.1' }))
await bindProcess(lifecycle).ready()
console.log(`ready ${app.server.address().port}`)
