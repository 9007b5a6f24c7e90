// Somebody has read that keep-alive must be set by hand, and sets it in every way that node:http has.
import { createServer } from 'node:http'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS), lameDuck: { minMs: 600, quietMs: 0, maxMs: 600 } } })
const text = 'ok\n'
const ways = {
  '/set-header': (response) => response.setHeader('Connection', 'keep-alive').end(text),
  '/object': (response) => response.writeHead(200, { connection: 'Keep-Alive', 'Content-Length': text.length }).end(text),
  '/reason': (response) => response.writeHead(200, 'Fine', { CONNECTION: 'keep-alive' }).end(text),
  '/pairs': (response) => response.writeHead(200, ['Connection', 'keep-alive', 'Content-Length', String(text.length)]).end(text),
  '/flush': (response) => {
    response.setHeader('Connection', 'keep-alive')
    response.flushHeaders()
    setTimeout(() => response.end(text), 5)
  },
  '/keep-alive-too': (response) => response.setHeaders(new Headers({ connection: 'keep-alive', 'keep-alive': 'timeout=600' })).end(text),
}
const server = createServer((request, response) => {
  console.log('began')
  ways[request.url](response)
})

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
await bindProcess(lifecycle).ready()
console.log(`ready ${server.address().port}`)
