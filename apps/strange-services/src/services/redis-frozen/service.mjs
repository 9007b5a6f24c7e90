// A counter of votes: 202 at once, the INCR afterwards, and the Redis behind it stops answering.
import Fastify from 'fastify'
import { fastifyApp } from '@lameduck/adapter-fastify'
import { redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Redis } from 'ioredis'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const client = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: 2 })
client.on('error', () => {})
const app = Fastify()
app.post('/votes/:id', (request, reply) => {
  client.rpush(`${process.env.ID}:votes`, request.params.id).catch((error) => console.log(`gave up ${request.params.id}`, error.message))
  reply.code(202).send()
})

lifecycle.add(redis(client))
lifecycle.add(fastifyApp(app, { port: 0, host: '127.0.0.1' }))
await bindProcess(lifecycle).ready()
console.log(`ready ${app.server.address().port}`)
