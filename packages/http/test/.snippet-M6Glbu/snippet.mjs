import { createServer } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { buildSchema } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

async function* ticks() {
  for (let tick = 0; ; tick += 1) {
    yield { ticks: tick }
    await setTimeout(50)
  }
}

const lifecycle = createLifecycle()
const server = createServer()
const schema = buildSchema('type Query { hello: String } type Subscription { ticks: Int }')
useServer({ schema, roots: { subscription: { ticks } } }, new WebSocketServer({ server, path: '/graphql' }))

lifecycle.add(httpServer(server, { listen: { port: Number(process.env.PORT ?? 8080) } }))
await bindProcess(lifecycle).ready()
console.log(`listening on ${server.address().port}`)
