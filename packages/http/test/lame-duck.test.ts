import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, plainClose, serve } from './support/serve.ts'

const ok: RequestListener = (_request, response) => void response.end('ok')

test('says Connection: close on the next answer, and goes on accepting', async () => {
  const server = createServer(ok)
  const resource = httpServer(server)
  const port = await serve(server)
  const client = await rawClient(port)
  client.send(get('/before'))
  expect(await client.until(/ok$/)).toMatch(/connection: keep-alive/i)

  resource.quiesce?.(quiesceContext)

  client.send(get('/after'))
  expect(await client.until(/ok[^]*ok$/)).toMatch(/connection: close/i)
  expect(await client.ended).toBe('end')
  const late = await rawClient(port)
  late.send(get('/new'))
  expect(await late.until(/ok$/)).toMatch(/connection: close/i)
})

test('says it on an answer that was already due when the signal came', async () => {
  const due = gate()
  const server = createServer((_request, response) => void due.opened.then(() => response.end('ok')))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/'))
  await once(server, 'request')

  resource.quiesce?.(quiesceContext)
  due.open()

  expect(await client.until(/ok$/)).toMatch(/connection: close/i)
})

// Catches: `setHeader('Connection', 'close')` on every answer from the signal on.
test.each(['before', 'during'] as const)('answers three pipelined requests that arrive %s the signal', async (when) => {
  const naive = await pipeline(when, (server) => {
    server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'))
    return () => {}
  })
  expect(naive).toEqual({ handled: 3, answered: ['close'] })

  const real = await pipeline(when, (server) => {
    const resource = httpServer(server)
    return () => resource.quiesce?.(quiesceContext)
  })
  expect(real).toEqual({ handled: 3, answered: ['keep-alive', 'keep-alive', 'close'] })
})

async function pipeline(when: 'before' | 'during', attach: (server: Server) => () => void): Promise<{ handled: number; answered: string[] }> {
  const due = gate()
  const all = gate()
  let handled = 0
  const server = createServer((_request, response) => {
    handled += 1
    if (handled === 3) all.open()
    void due.opened.then(() => response.end('ok'))
  })
  const announce = attach(server)
  const client = await rawClient(await serve(server))
  if (when === 'during') announce()
  client.send(get('/1') + get('/2') + get('/3'))
  await all.opened
  announce()
  due.open()
  await client.until(/connection: close[^]*ok$/i)
  return { handled, answered: [...client.text().matchAll(/^connection: (\S+)/gim)].map((match) => String(match[1])) }
}

// Catches: `server.close()`: the answer says keep-alive, and the connection is left to its timeout.
test('answers a request that waits for 100 Continue across the signal', async () => {
  const store: RequestListener = (request, response) => void request.resume().on('end', () => response.end('stored'))
  const [naive, real] = [createServer({ keepAliveTimeout: 60_000 }, store), createServer(store)]
  const resource = httpServer(real)
  const clients = [await rawClient(await serve(naive)), await rawClient(await serve(real))]
  for (const client of clients) {
    client.send('POST / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
    await client.until(/100 Continue/)
  }
  const closed = plainClose(naive)
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  for (const client of clients) client.send('data')

  const [kept, ended] = await Promise.all(clients.map((client) => client.until(/stored$/)))
  expect(kept).toMatch(/connection: keep-alive/i)
  expect(ended).toMatch(/connection: close/i)
  expect(await within(1_000, drained)).toBeUndefined()
  expect(await within(200, closed)).toBe('pending')
})

// Catches: counting in `request` events, which a checkContinue listener and engine.io's replaced listeners bypass.
test('counts requests that never reach a request listener of its own', async () => {
  const server = createServer()
  const resource = httpServer(server)
  server.removeAllListeners('request').on('request', () => {})
  server.on('checkContinue', () => {})
  const port = await serve(server)
  const client = await rawClient(port)
  client.send(get('/replaced'))
  await once(server, 'request')
  const expecting = await rawClient(port)
  expecting.send('POST /expect HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
  await once(server, 'checkContinue')

  expect(resource.inFlight?.()).toBe(2)
})

test('counts what is going on, by kind, and forgets it', async () => {
  const due = gate()
  const server = createServer((request, response) => {
    if (request.url === '/slow?token=secret') void due.opened.then(() => response.end('ok'))
    else response.end('ok')
  })
  const resource = httpServer(server)
  const port = await serve(server)
  const connected = once(server, 'connection')
  const unused = await rawClient(port)
  await connected
  const idle = await rawClient(port)
  idle.send(get('/'))
  await idle.until(/ok$/)
  const active = await rawClient(port)
  active.send(get('/slow?token=secret'))
  await once(server, 'request')

  expect(resource.stats()).toMatchObject({ sockets: { unused: 1, idle: 1, active: 1, receiving: 0 }, inFlight: 1 })
  expect(resource.stats().oldestMs).toBeGreaterThanOrEqual(0)
  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^GET \/slow \d+ ms, nothing sent$/)])

  due.open()
  await active.until(/ok$/)
  expect(resource.stats()).toMatchObject({ inFlight: 0, oldestMs: undefined })
  for (const client of [unused, idle, active]) client.socket.destroy()
  await expect.poll(() => Object.values(resource.stats().sockets)).toEqual([0, 0, 0, 0, 0, 0, 0])
})

test('a client that leaves takes its unanswered, pipelined requests along', async () => {
  const server = createServer(() => {})
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/1') + get('/2'))
  await expect.poll(() => resource.inFlight?.()).toBe(2)
  client.socket.destroy()
  await expect.poll(() => resource.inFlight?.()).toBe(0)
})

// Catches: a mark that cannot be taken back: a replica whose stop was called off sends its clients away for ever.
test('a lame duck that is taken back leaves no mark, and a stop cannot be taken back', async () => {
  const due = gate()
  const server = createServer((request, response) => (request.url === '/slow' ? void due.opened.then(() => response.end('slow')) : response.end('ok')))
  const resource = httpServer(server)
  const port = await serve(server)
  const waiting = await rawClient(port)
  waiting.send(get('/slow'))
  await once(server, 'request')
  const connectionOf = async (): Promise<string | undefined> => {
    const client = await rawClient(port)
    client.send(get('/'))
    return /^connection: (\S+)/im.exec(await client.until(/ok$/))?.[1]
  }

  resource.preStop?.(true)
  expect(await connectionOf()).toBe('close')
  resource.preStop?.(false)
  expect(await connectionOf()).toBe('keep-alive')
  due.open()
  expect(await waiting.until(/slow$/)).toMatch(/connection: keep-alive/i)
  waiting.send(get('/'))
  expect(await waiting.until(/ok$/)).toMatch(/slow[^]*connection: keep-alive/i)

  resource.quiesce?.(quiesceContext)
  resource.preStop?.(false)
  expect(await connectionOf()).toBe('close')
})

test('a lame duck that is taken back between pipelined requests leaves their marks right', async () => {
  const due = gate()
  const server = createServer((_request, response) => void due.opened.then(() => response.end('ok')))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  resource.preStop?.(true)
  client.send(get('/1') + get('/2'))
  await expect.poll(() => resource.inFlight?.()).toBe(2)
  resource.preStop?.(false)
  client.send(get('/3'))
  await expect.poll(() => resource.inFlight?.()).toBe(3)
  resource.preStop?.(true)
  due.open()
  await client.until(/(ok[^]*){3}$/)
  expect([...client.text().matchAll(/^connection: (\S+)/gim)].map((match) => match[1])).toEqual(['keep-alive', 'keep-alive', 'close'])
})
