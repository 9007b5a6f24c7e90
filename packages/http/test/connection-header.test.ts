import { createServer, get as httpGet, ServerResponse, type RequestListener } from 'node:http'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

type Answer = (response: ServerResponse) => void

/** The end of a body, with and without chunks. */
const end = /ok$|0\r\n\r\n$/

/** Ways in which an application says that the connection goes on; each as it is found in proxies and in services. */
const ways: Record<string, Answer> = {
  'setHeader': (response) => void response.setHeader('Connection', 'keep-alive').end('ok'),
  'setHeader, in other letters, with two values': (response) => void response.setHeader('CONNECTION', ['Keep-Alive']).setHeader('keep-ALIVE', 'timeout=72').end('ok'),
  'setHeaders': (response) => void response.setHeaders(new Map([['connection', 'keep-alive'], ['keep-alive', 'timeout=72']])).end('ok'),
  'appendHeader': (response) => void response.appendHeader('connection', 'keep-alive').appendHeader('x-of-its-own', 'yes').end('ok'),
  'writeHead, status and headers': (response) => void response.writeHead(200, { 'connection': 'keep-alive', 'keep-alive': 'timeout=72', 'x-of-its-own': 'yes' }).end('ok'),
  'writeHead, status, message and headers': (response) => void response.writeHead(200, 'Fine', { Connection: 'keep-alive' }).end('ok'),
  'writeHead, raw headers in one array': (response) => void response.writeHead(200, ['Connection', 'keep-alive', 'Keep-Alive', 'timeout=72', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('ok'),
  // Not in the types of Node, but in what it takes.
  'writeHead, an array of arrays': (response) => void response.writeHead(200, [['Connection', 'keep-alive'], ['Set-Cookie', 'a=1']] as never).end('ok'),
  'writeHead, after setHeader': (response) => void response.setHeader('x-of-its-own', 'yes').writeHead(200, { Connection: 'keep-alive' }).end('ok'),
  'writeHead, raw headers after setHeader': (response) => void response.setHeader('x-of-its-own', 'yes').writeHead(200, ['Connection', 'keep-alive', 'Keep-Alive', 'timeout=72']).end('ok'),
  'the prototype\'s writeHead, as tracers call it': (response) => void ServerResponse.prototype.writeHead.call(response, 200, { Connection: 'keep-alive' }).end('ok'),
  'flushHeaders': (response) => {
    response.setHeader('connection', 'keep-alive').flushHeaders()
    setImmediate(() => response.end('ok'))
  },
  'a header that is taken away': (response) => {
    response.removeHeader('Connection')
    response.end('ok')
  },
  'a header that is taken away from others': (response) => {
    response.setHeader('x-of-its-own', 'yes').removeHeader('Connection')
    response.end('ok')
  },
  'shouldKeepAlive': (response) => {
    response.shouldKeepAlive = true
    response.end('ok')
  },
}

// Catches: `shouldKeepAlive = false` alone, which any of these outvotes.
test.each(Object.keys(ways))('an answer says close, whatever the application says: %s', async (way) => {
  const server = createServer((_request, response) => (ways[way] as Answer)(response))
  const resource = httpServer(server)
  const port = await serve(server)
  const before = await rawClient(port)
  before.send(get('/'))
  // A header that is taken away says that it goes on, too.
  expect(await before.until(end)).not.toMatch(/^connection: close/im)

  resource.quiesce?.(quiesceContext)

  before.send(get('/'))
  const head = (await before.until(/HTTP\/1.1 200[^]*HTTP\/1.1 200[^]*(ok$|0\r\n\r\n$)/)).slice(before.text().lastIndexOf('HTTP/1.1'))
  expect(head.match(/^connection: .*$/gim)).toEqual(['Connection: close'])
  expect(head).not.toMatch(/^keep-alive:/im)
  // Node and nobody else has ended it, and what else was said is still there.
  expect(await before.ended).toBe('end')
  const first = before.text().slice(0, before.text().lastIndexOf('HTTP/1.1'))
  for (const kept of [/^x-of-its-own: yes\r$/m, /^Set-Cookie: a=1\r$/m, /^Set-Cookie: b=2\r$/m, /^HTTP\/1.1 200 Fine/m]) expect(kept.test(head)).toBe(kept.test(first))
})

test.each(Object.keys(ways))('… also where it was due when the stop began: %s', async (way) => {
  const due = gate()
  const server = createServer((_request, response) => void due.opened.then(() => (ways[way] as Answer)(response)))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/'))
  await expect.poll(() => resource.inFlight?.()).toBe(1)
  resource.quiesce?.(quiesceContext)
  due.open()
  expect((await client.until(end)).match(/^connection: .*$/gim)).toEqual(['Connection: close'])
  expect(await client.ended).toBe('end')
})

// Catches: a hook in place of `writeHead`, which whoever has wrapped that before the announcement (on-headers, a tracer) comes behind.
test('… and where somebody sets it as the head is being written', async () => {
  const due = gate()
  const server = createServer((_request, response) => {
    const writeHead = response.writeHead.bind(response)
    response.writeHead = (status: number) => writeHead.call(response.setHeader('Connection', 'keep-alive'), status)
    void due.opened.then(() => response.end('ok'))
  })
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/'))
  await expect.poll(() => resource.inFlight?.()).toBe(1)
  resource.quiesce?.(quiesceContext)
  due.open()
  expect(await client.until(/ok$/)).toMatch(/^connection: close/im)
})

test('what else the header names stays: an upgrade that is offered, or made', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/offer') response.writeHead(426, { Connection: 'Upgrade, Keep-Alive', Upgrade: 'TLS/1.2' }).end('ok')
    else response.writeHead(101, { Connection: 'Upgrade', Upgrade: 'echo' }).end()
  })
  httpServer(server).quiesce?.(quiesceContext)
  const port = await serve(server)
  const offered = await rawClient(port)
  offered.send(get('/offer'))
  expect(await offered.until(/ok\r\n0\r\n\r\n$/)).toMatch(/^connection: close, Upgrade\r$/im)
  const made = await rawClient(port)
  made.send(get('/made'))
  expect(await made.until(/\r\n\r\n$/)).toMatch(/^connection: Upgrade\r$/im)
})

test('trailers that are passed on arrive', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Connection': 'keep-alive', 'Trailer': 'Checksum', 'Transfer-Encoding': 'chunked' }).write('ok')
    response.addTrailers({ Checksum: '4711' })
    response.end()
  })
  httpServer(server).quiesce?.(quiesceContext)
  const port = await serve(server)
  const { headers, trailers } = await new Promise<{ headers: object; trailers: object }>((resolve) => {
    httpGet({ port, host: '127.0.0.1', agent: false }, (response) => response.resume().on('end', () => resolve(response)))
  })
  expect(headers).toMatchObject({ connection: 'close', trailer: 'Checksum' })
  expect(trailers).toEqual({ checksum: '4711' })
})

test('of pipelined answers only the newest says it, and headers that Node refuses are refused as ever', async () => {
  const due = gate()
  let refused: unknown
  const server = createServer((request, response) => {
    if (request.url === '/odd') {
      try {
        response.writeHead(200, ['Connection'])
      } catch (error) {
        refused = error
        response.end('odd')
      }
      return
    }
    void due.opened.then(() => response.writeHead(200, { Connection: 'keep-alive' }).end('ok'))
  })
  const resource = httpServer(server)
  resource.quiesce?.(quiesceContext)
  const port = await serve(server)
  const client = await rawClient(port)
  client.send(get('/1') + get('/2') + get('/3'))
  await expect.poll(() => resource.inFlight?.()).toBe(3)
  due.open()
  await client.until(/(ok\r\n0\r\n\r\n[^]*){3}$/)
  expect([...client.text().matchAll(/^connection: (\S+)/gim)].map((match) => match[1])).toEqual(['keep-alive', 'keep-alive', 'close'])

  const odd = await rawClient(port)
  odd.send(get('/odd'))
  await odd.until(/odd$/)
  expect(refused).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
})

test('a lame duck that is taken back lets the application say what it likes', async () => {
  const due = gate()
  const keepAlive: RequestListener = (request, response) => void (request.url === '/now' ? Promise.resolve() : due.opened).then(() => response.writeHead(200, { Connection: 'keep-alive' }).end('ok'))
  const server = createServer(keepAlive)
  const resource = httpServer(server)
  const port = await serve(server)
  const waiting = await rawClient(port)
  waiting.send(get('/'))
  await expect.poll(() => resource.inFlight?.()).toBe(1)
  resource.preStop?.(true)
  resource.preStop?.(false)
  resource.preStop?.(true)
  const during = await rawClient(port)
  during.send(get('/now'))
  expect(await during.until(/ok\r\n0\r\n\r\n$/)).toMatch(/^connection: close/im)
  resource.preStop?.(false)
  due.open()
  expect(await waiting.until(/ok\r\n0\r\n\r\n$/)).toMatch(/^connection: keep-alive/im)
})

// Its head has gone with keep-alive: the client is told by its next answer in the lame duck, and by the end of the connection after it.
test('an answer whose head had gone before the stop is finished, and then its connection ends', async () => {
  const due = gate()
  const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => {
    response.writeHead(200, { 'Connection': 'keep-alive', 'Content-Type': 'text/event-stream' }).write('begun')
    void due.opened.then(() => response.end('ok'))
  })
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/'))
  expect(await client.until(/begun/)).toMatch(/^connection: keep-alive/im)
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  due.open()
  await client.until(/0\r\n\r\n$/)
  expect(await client.ended).toBe('end')
  expect(await within(2_000, drained)).toBeUndefined()
})
