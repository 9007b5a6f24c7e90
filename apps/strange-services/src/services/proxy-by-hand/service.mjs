// A gateway by hand: what the upstream says of the connection is passed on with the rest of its headers.
import { createServer, request as ask, Agent } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const { UPSTREAM, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS), lameDuck: { minMs: 600, quietMs: 0, maxMs: 600 } } })
const agent = new Agent({ keepAlive: true })

const gateway = createServer((request, response) => {
  const asking = ask(UPSTREAM + request.url, { method: request.method, headers: { ...request.headers, connection: 'keep-alive' }, agent }, (answer) => {
    response.writeHead(answer.statusCode, answer.statusMessage, answer.headers)
    answer.pipe(response)
  })
  asking.on('error', (error) => response.writeHead(502).end(error.message))
  request.pipe(asking)
})

lifecycle.add(httpServer(gateway, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${gateway.address().port}`)
