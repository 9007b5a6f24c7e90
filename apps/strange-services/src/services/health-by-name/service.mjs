// A health path of the application's own, that a balancer asks all day; the server is told that it is no work.
import { fastify } from 'fastify'
import { fastifyApp } from '@lameduck/adapter-fastify'
import { bindProcess, createLifecycle } from '@lameduck/core'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS), lameDuck: { minMs: 700, quietMs: 700, maxMs: 8_000 } } })
const app = fastify()
app.get('/status/health', async () => 'fine')
app.get('/', async () => 'work')

lifecycle.add(fastifyApp(app, { port: 0, host: '127.0.0.1', notWork: ['/status/*'] }))
await bindProcess(lifecycle).ready()
console.log(`ready ${app.server.address().port}`)
