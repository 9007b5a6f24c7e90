// An edge proxy of twenty lines with http-proxy, WebSockets included.
const { createServer, Agent } = require('node:http')
const { createProxyServer } = require('http-proxy')
const { bindProcess, createLifecycle } = require('@lameduck/core')
const { httpServer } = require('@lameduck/http')

const lifecycle = createLifecycle({ policy: { graceMs: Number(process.env.GRACE_MS), lameDuck: { minMs: 600, quietMs: 0, maxMs: 600 } } })
const proxy = createProxyServer({ target: process.env.UPSTREAM, agent: new Agent({ keepAlive: true }) })
proxy.on('error', (error, request, response) => response.writeHead?.(502).end(error.message))
const server = createServer((request, response) => proxy.web(request, response))

lifecycle.add(httpServer(server, { listen: { port: 0, host: '127.0.0.1' } }))
bindProcess(lifecycle)
  .ready()
  .then(() => console.log(`ready ${server.address().port}`))
