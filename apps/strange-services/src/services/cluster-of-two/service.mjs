// A cluster of two workers on one port, each with a pool and a lifecycle of its own.
import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { pgPool } from '@lameduck/adapter-pg'
import { bindProcess, clusterWorkers, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import pg from 'pg'

const graceMs = Number(process.env.GRACE_MS)

if (cluster.isPrimary) await primary()
else await worker()

async function primary() {
  const lifecycle = createLifecycle({ policy: { graceMs } })
  lifecycle.add(clusterWorkers(cluster))
  const ports = [cluster.fork(), cluster.fork()].map((each) => new Promise((resolve) => each.once('message', resolve)))
  const [port] = await Promise.all(ports)
  await bindProcess(lifecycle).ready()
  console.log(`ready ${port}`)
}

async function worker() {
  const lifecycle = createLifecycle({ policy: { graceMs: graceMs - 2_000 } })
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 })
  const server = createServer(async (request, response) => {
    console.log('began', request.url.slice(1))
    try {
      await pool.query('INSERT INTO visits SELECT $1 FROM pg_sleep(0.15)', [request.url.slice(1)])
      response.writeHead(201).end()
    } catch (error) {
      response.writeHead(503).end(error.message)
    }
  })
  lifecycle.add(pgPool(pool, { onError: () => {} }))
  lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
  await bindProcess(lifecycle, { onReport: () => {} }).ready()
  process.send(server.address().port)
}
