import { once, type EventEmitter } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createLifecycle, type StepReport } from '@lameduck/core'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { httpServer, type HttpServerResource } from '../src/index.ts'
import { drainContext, forceContext, quiesceContext } from './support/context.ts'
import { get, rawClient, type RawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

/** With or without an error before. */
function closed(emitter: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    emitter.once('close', resolve)
  })
}

const noWork = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

/** A request that is held when the stop begins. */
async function held(options: { readonly request?: string } = {}): Promise<{ resource: HttpServerResource; client: RawClient; response: ServerResponse; gone: Promise<unknown> }> {
  const server = createServer((_request, response) => void response.on('error', () => {}).write('begun'))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  const [asked] = [once(server, 'request') as Promise<[unknown, ServerResponse]>, client.send(options.request ?? get('/orders?token=secret'))]
  const [, response] = await asked
  await client.until(/begun/)
  resource.quiesce?.(quiesceContext)
  return { resource, client, response, gone: closed(response.req.socket) }
}

test('counts what is answered from the stop on: before the lame duck is over, and in the drain', async () => {
  const due = gate()
  const server = createServer((request, response) => (request.url === '/slow' ? void due.opened.then(() => response.end('ok')) : response.end('ok')))
  const resource = httpServer(server)
  const port = await serve(server)
  const [first, slow, next, last] = [await rawClient(port), await rawClient(port), await rawClient(port), await rawClient(port)]
  first.send(get('/'))
  await first.until(/ok$/)
  slow.send(get('/slow'))
  await once(server, 'request')
  expect(resource.tally?.()).toEqual(noWork)
  resource.quiesce?.(quiesceContext)
  for (const client of [next, last]) {
    client.send(get('/'))
    await client.until(/ok$/)
  }
  const drained = Promise.resolve(resource.drain(drainContext()))
  due.open()
  await drained
  expect(resource.tally?.()).toEqual({ ...noWork, done: 3 })
})

/** What a handler, or somebody beside it, does to an answer that is not complete: its client never learns the rest. */
const losses: Record<string, { readonly lose: (response: ServerResponse) => void; readonly reason: RegExp }> = {
  'response.destroy()': { lose: (response) => void response.destroy(), reason: /^GET \/orders: its connection was closed before the answer was complete$/ },
  'response.destroy(error)': { lose: (response) => void response.destroy(new Error('boom')), reason: /^GET \/orders: boom/ },
  // As `pipeline` does in a proxy.
  'an upstream that is reset': {
    lose: (response) => void response.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })),
    reason: /^GET \/orders: read ECONNRESET/,
  },
  'request.destroy()': { lose: (response) => void response.req.destroy(), reason: /before the answer was complete/ },
  'a time-out of the socket': { lose: (response) => void response.req.socket.setTimeout(20), reason: /before the answer was complete/ },
}

// Catches: a server that is empty, and taken for drained, with the client holding half an answer.
test.each(Object.keys(losses))('an answer that this side breaks off has failed: %s', async (name) => {
  const { lose, reason } = losses[name] as (typeof losses)[string]
  const { resource, client, response, gone } = await held()
  lose(response)
  await gone
  expect(await client.ended).toBeDefined()
  expect(resource.tally?.()).toEqual({ ...noWork, failed: 1, reasons: [expect.stringMatching(reason)] })
})

const departures: Record<string, (client: RawClient) => void> = {
  'ends its connection': (client) => void client.socket.end(),
  'is gone': (client) => void client.socket.destroy(),
  'resets it': (client) => void client.socket.resetAndDestroy(),
  'sends what is no HTTP': (client) => client.send('\0\0\0\r\n\r\n'),
}

test.each(Object.keys(departures))('an answer that its client gives up is no failure, and not done: it %s', async (name) => {
  const { resource, client, gone } = await held()
  departures[name]?.(client)
  await gone
  expect(resource.tally?.()).toEqual(noWork)
})

test('… also in the middle of its body, and when the handler then destroys the answer', async () => {
  const { resource, client, response, gone } = await held({ request: 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf' })
  response.req.on('error', () => void response.destroy(new Error('aborted')))
  client.socket.destroy()
  await gone
  expect(resource.tally?.()).toEqual(noWork)
})

// Catches: `clean`, with a handler that was in the middle of its work when the pools were closed.
test('where nothing had been sent, nobody can tell what becomes of the handler\'s work until it has ended its answer', async () => {
  const due = gate()
  const server = createServer((_request, response) => void due.opened.then(() => response.end('paid')))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>
  client.send('POST /pay HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody')
  const [, response] = await asked
  await expect.poll(() => response.req.complete).toBe(true)
  resource.quiesce?.(quiesceContext)
  const gone = closed(response.req.socket)
  client.socket.destroy()
  await gone
  await resource.drain(drainContext())
  expect(resource.tally?.()).toEqual({ ...noWork, unknown: 1, reasons: ['POST /pay: its client hung up, and its handler had not ended'] })
  due.open()
  await expect.poll(() => resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

// Node begins a request that came with the one before, although that is answered by `close`.
test('a pipelined request whose answer nobody gets has failed', async () => {
  const server = createServer((request, response) => (request.url === '/1' ? response.end('ok') : void response.write('never')))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  resource.quiesce?.(quiesceContext)
  client.send(get('/1') + get('/2'))
  expect(await client.ended).toBe('end')
  await expect.poll(() => resource.tally?.()).toMatchObject({ done: 1, failed: 1, reasons: [expect.stringMatching(/^GET \/2: /)] })
})

// Its client comes again, and no event says that there will be no more.
test('an event stream that is broken off is done', async () => {
  const server = createServer((_request, response) => void response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' }).write('data: 1\n\n'))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>
  client.send(get('/'))
  const [, response] = await asked
  resource.quiesce?.(quiesceContext)
  const gone = closed(response.req.socket)
  response.destroy()
  await gone
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test('what is cut by force is cut, each request of a pipeline and each upgraded socket, once', async () => {
  const server = createServer(() => {})
  const resource = httpServer(server)
  server.on('upgrade', (_request, socket) => socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  const port = await serve(server)
  const [two, chat] = [await rawClient(port), await rawClient(port)]
  two.send(get('/1') + get('/2'))
  chat.send(get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'))
  await expect.poll(() => resource.inFlight?.()).toBe(3)
  resource.quiesce?.(quiesceContext)
  const context = drainContext()
  const drained = Promise.resolve(resource.drain(context))
  const closed = once(server, 'close')
  context.cut()
  void resource.force?.(forceContext)
  void resource.force?.(forceContext)
  await Promise.all([drained, closed])
  expect(resource.tally?.()).toEqual({ ...noWork, cut: 3 })
})

test('a server that listens again counts anew', async () => {
  const server = createServer((_request, response) => void response.end('ok'))
  const resource = httpServer(server)
  for (let life = 0; life < 2; life += 1) {
    const port = await serve(server)
    resource.quiesce?.(quiesceContext)
    const client = await rawClient(port)
    client.send(get('/'))
    await client.until(/ok$/)
    await resource.drain(drainContext())
    if (server.listening) await once(server, 'close')
    expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
  }
})

// Catches: a `listening` in the middle of a stop that takes what was lost out of the report.
test('a server that somebody makes listen again in the middle of a stop goes on counting', async () => {
  const { resource, response, gone } = await held()
  const server = (response.req.socket as Socket & { readonly server: Server }).server
  const closing = closed(server)
  server.close()
  response.destroy()
  await Promise.all([gone, closing])
  await serve(server)
  expect(resource.tally?.()).toMatchObject({ failed: 1 })
  await resource.drain(drainContext())
  expect(resource.tally?.()).toMatchObject({ failed: 1 })
})

test('… and one that listens after its stop leaves the counts, without its new requests, until the next stop', async () => {
  const { resource, response, gone } = await held()
  const server = (response.req.socket as Socket & { readonly server: Server }).server
  response.destroy()
  await Promise.all([gone, resource.drain(drainContext())])
  const next = await rawClient(await serve(server))
  next.send(get('/'))
  await next.until(/begun/)
  next.socket.destroy()
  expect(resource.tally?.()).toMatchObject({ done: 0, failed: 1 })
  resource.quiesce?.(quiesceContext)
  expect(resource.tally?.()).toEqual(noWork)
})

// Catches: to stop counting with the server's own `close`, which comes before that of its last connection.
test('the last connection counts, however it ends', async () => {
  const due = gate()
  const server = createServer((_request, response) => {
    response.write('begun')
    void due.opened.then(() => response.destroy())
  })
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/orders'))
  await client.until(/begun/)
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  await expect.poll(() => server.listening).toBe(false)
  due.open()
  await drained
  expect(resource.tally?.()).toMatchObject({ done: 0, failed: 1 })

  const chats = createServer()
  const resourceOfChats = httpServer(chats)
  new WebSocketServer({ server: chats })
  const chat = new WebSocket(`ws://127.0.0.1:${await serve(chats)}`)
  await once(chat, 'open')
  resourceOfChats.quiesce?.(quiesceContext)
  await resourceOfChats.drain(drainContext())
  expect(resourceOfChats.tally?.()).toEqual({ ...noWork, done: 1 })
})

// Catches: counting anew in the drain, where somebody else has closed the server before.
test('what was broken off before somebody closed the server still counts', async () => {
  const server = createServer((_request, response) => void response.write('begun'))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>
  client.send(get('/orders'))
  const [, response] = await asked
  resource.quiesce?.(quiesceContext)
  const gone = once(server, 'close')
  response.destroy()
  server.close()
  await gone
  await resource.drain(drainContext())
  expect(resource.tally?.()).toMatchObject({ done: 0, failed: 1 })
})

// Catches: `clean`, exit code 0, with half an answer at the client.
test('in a lifecycle the step has failed, and says which request', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const server = createServer((_request, response) => void response.write('begun'))
  lifecycle.add(httpServer(server))
  const client = await rawClient(await serve(server))
  await lifecycle.start()
  const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>
  client.send(get('/orders'))
  const [, response] = await asked
  lifecycle.draining.addEventListener('abort', () => void response.destroy(new Error('the upstream is gone')))
  const { result, steps } = await lifecycle.stop()
  expect(result).toBe('failed')
  const step = steps.find(({ name }) => name === 'http') as StepReport
  expect(step).toMatchObject({ outcome: 'failed', work: { failed: 1 }, errors: [expect.stringContaining('GET /orders: the upstream is gone')] })
})
