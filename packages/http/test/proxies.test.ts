import { once } from 'node:events'
import { Agent, createServer, request as ask, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import fastifyHttpProxy from '@fastify/http-proxy'
import express from 'express'
import { fastify, type FastifyInstance } from 'fastify'
import httpProxy from 'http-proxy'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { httpServer, type DrainableServer } from '../src/index.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

/** A server in front of `target`, made as its library's documentation says. */
type Proxy = (target: string) => DrainableServer | Promise<DrainableServer>

function upstreamAgent(): Agent {
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => agent.destroy())
  return agent
}

const proxies: Record<string, Proxy> = {
  'http-proxy': (target) => {
    const proxy = httpProxy.createProxyServer({ target, agent: upstreamAgent() })
    return createServer((request, response) => proxy.web(request, response))
  },
  'http-proxy-middleware in Express': (target) => createServer(express().use(createProxyMiddleware({ target, agent: upstreamAgent() })) as RequestListener),
  // Made of @fastify/reply-from.
  '@fastify/http-proxy': async (upstream) => await fastifyInFront((app) => void app.register(fastifyHttpProxy, { upstream })),
  'Express, res.set': () => createServer(express().use((_request, response) => void response.set({ Connection: 'keep-alive' }).send('ok')) as RequestListener),
  'Fastify, reply.header': async () => await fastifyInFront((app) => void app.get('/', (_request, reply) => reply.header('connection', 'keep-alive').send('ok'))),
  'Fastify, reply.raw': async () =>
    await fastifyInFront(
      (app) =>
        void app.get('/', (_request, reply) => {
          reply.hijack().raw.writeHead(200, { Connection: 'keep-alive' }).end('ok')
        }),
    ),
  'written by hand, as most are': (target) => {
    const agent = upstreamAgent()
    return createServer((request, response) => void forward(target, agent, request, response))
  },
}

async function fastifyInFront(routes: (app: FastifyInstance) => void): Promise<DrainableServer> {
  const app = fastify()
  routes(app)
  await app.ready()
  return app.server
}

async function forward(target: string, agent: Agent, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const asked = ask(`${target}${request.url}`, { agent, method: request.method, headers: request.headers })
  request.pipe(asked)
  const [upstream] = (await once(asked, 'response')) as [IncomingMessage]
  response.writeHead(upstream.statusCode ?? 502, upstream.headers)
  upstream.pipe(response)
}

async function upstream(): Promise<{ readonly target: string; readonly server: Server }> {
  const server = createServer((_request, response) => void response.setHeader('Keep-Alive', 'timeout=72').setHeader('Connection', 'keep-alive').end('ok'))
  return { target: `http://127.0.0.1:${await serve(server)}`, server }
}

// Catches: `shouldKeepAlive = false`, which their copy of the upstream's `Connection: keep-alive` outvotes.
test.each(Object.keys(proxies))('%s: answers say close from the announcement on', async (name) => {
  const { target } = await upstream()
  const server = await (proxies[name] as Proxy)(target)
  const resource = httpServer(server)
  const port = await serve(server)
  const client = await rawClient(port)
  client.send(get('/'))
  expect(await client.until(/ok/)).toMatch(/^connection: keep-alive/im)

  resource.quiesce?.(quiesceContext)

  client.send(get('/'))
  await client.until(/ok[^]*ok/)
  expect(await client.ended).toBe('end')
  expect([...client.text().matchAll(/^connection: (.*)\r$/gim)].map((match) => match[1])).toEqual(['keep-alive', 'close'])
  expect(await within(2_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
})

test('a WebSocket that is proxied is upgraded during the lame duck', async () => {
  const { target, server: behind } = await upstream()
  const sockets = new WebSocketServer({ server: behind })
  sockets.on('connection', (socket) => socket.send('hello'))
  const proxy = httpProxy.createProxyServer({ target, ws: true })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => proxy.ws(request, socket, head))
  httpServer(server).quiesce?.(quiesceContext)
  const client = new WebSocket(`ws://127.0.0.1:${await serve(server)}/`)
  expect(String((await once(client, 'message'))[0])).toBe('hello')
  client.terminate()
})
