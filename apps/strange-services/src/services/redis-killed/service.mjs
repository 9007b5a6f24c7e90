// The same in a hand-made batch, and the Redis dies: what was answered 202 lies in a pipeline that nobody will take.
import { createServer } from 'node:http'
import { redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import { Redis } from 'ioredis'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS) } })
const client = new Redis(process.env.REDIS_URL, { enableAutoPipelining: true, retryStrategy: () => 100, maxRetriesPerRequest: 100 })
client.on('error', () => {})
const server = createServer((request, response) => {
  client.sadd(`${process.env.ID}:seen`, request.url.slice(1)).then(
    () => {},
    () => {},
  )
  response.writeHead(202).end()
})

lifecycle.add(redis(client))
lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
