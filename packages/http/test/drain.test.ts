import { once } from 'node:events'
import { Agent, createServer, get as httpGet, type RequestListener, type Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import { expect, test, vi } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, forceContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, plainClose, serve } from './support/serve.ts'

const ok: RequestListener = (_request, response) => void response.end('ok')

test('with only idle connections it is done at once', async () => {
  const server = createServer(ok)
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/'))
  await client.until(/ok$/)
  resource.quiesce?.(quiesceContext)

  expect(await within(1_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
  expect(await client.ended).toBe('end')
  expect(server.listening).toBe(false)
})

// Catches: `server.close()`, which then waits for the keep-alive timeout of the socket that was busy.
test('does not wait for the keep-alive timeout after the last answer', async () => {
  const due = gate()
  const slow: RequestListener = (_request, response) => {
    response.write('begun ')
    void due.opened.then(() => response.end('ok'))
  }
  const naive = createServer({ keepAliveTimeout: 72_000 }, slow)
  const real = createServer({ keepAliveTimeout: 72_000 }, slow)
  const resource = httpServer(real)
  const clients = [await rawClient(await serve(naive)), await rawClient(await serve(real))]
  for (const client of clients) client.send(get('/'))
  for (const client of clients) expect(await client.until(/begun/)).toMatch(/keep-alive/i)

  const closed = plainClose(naive)
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(100, drained)).toBe('pending')
  due.open()

  for (const client of clients) await client.until(/ok\r\n0\r\n\r\n$/)
  expect(await within(1_000, drained)).toBeUndefined()
  expect(await within(300, closed)).toBe('pending')
})

// Catches: `server.close()` on a client that never leaves its connection idle.
test('ends although a keep-alive client never stops asking', async () => {
  expect(await hammered(false)).toBe('pending')
  expect(await hammered(true)).toBeUndefined()
})

async function hammered(attached: boolean): Promise<unknown> {
  const server = createServer((_request, response) => void setTimeout(() => response.end('ok'), 5))
  const resource = attached ? httpServer(server) : undefined
  const port = await serve(server)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let lost = 0
  let over = false
  const ask = (): void => {
    if (over) return
    // Two at a time on one socket: it never is idle.
    httpGet({ port, host: '127.0.0.1', agent }, (response) => response.resume().on('end', ask)).on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') over = true
      else lost += 1
    })
  }
  ask()
  ask()
  await once(server, 'request')
  resource?.quiesce?.(quiesceContext)
  const result = await within(attached ? 3_000 : 300, resource ? Promise.resolve(resource.drain(drainContext())) : plainClose(server))
  over = true
  agent.destroy()
  if (attached) expect(lost).toBe(0)
  return result
}

test('a stream whose header said keep-alive is finished, then its connection is closed', async () => {
  const due = gate()
  const server = createServer((_request, response) => {
    response.write('first ')
    void due.opened.then(() => response.end('last'))
  })
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/'))
  await client.until(/first/)
  const drained = resource.drain(drainContext())
  due.open()

  await drained
  expect(await client.until(/last\r\n0\r\n\r\n$/)).toMatch(/keep-alive/)
  expect(await client.ended).toBe('end')
})

// Catches: `setHeader('Connection', 'close')` and then `server.close()`: what the application says itself wins.
test('an application that insists on keep-alive does not keep the server', async () => {
  const due = gate()
  const stubborn: RequestListener = (_request, response) => {
    void due.opened.then(() => response.writeHead(200, { Connection: 'keep-alive', 'Content-Length': 2 }).end('ok'))
  }
  const [naive, real] = [createServer({ keepAliveTimeout: 60_000 }, stubborn), createServer({ keepAliveTimeout: 60_000 }, stubborn)]
  naive.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'))
  const resource = httpServer(real)
  const clients = [await rawClient(await serve(naive)), await rawClient(await serve(real))]
  for (const client of clients) client.send(get('/'))
  await Promise.all([once(naive, 'request'), once(real, 'request')])
  const closed = plainClose(naive)
  const drained = Promise.resolve(resource.drain(drainContext()))
  due.open()

  const [kept, ended] = await Promise.all(clients.map((client) => client.until(/ok$/)))
  expect(kept).toMatch(/connection: keep-alive/i)
  expect(ended).toMatch(/connection: close/i)
  expect(await within(1_000, drained)).toBeUndefined()
  expect(await within(200, closed)).toBe('pending')
})

// Catches: closing what is idle in the tick of the signal: the kernel has bytes for it, and answers with a reset.
test.each(['open', 'closed'] as const)('serves a request whose bytes had arrived when the drain began, the listener being %s', async (listener) => {
  const naive = await requestInTheKernel(listener, (server) => () => {
    server.close()
    server.closeAllConnections()
  })
  expect(naive).toMatch(/^ended/)
  const real = await requestInTheKernel(listener, (server) => {
    const resource = httpServer(server)
    return () => resource.drain(drainContext())
  })
  expect(real).toMatch(/connection: close/i)
})

async function requestInTheKernel(listener: 'open' | 'closed', attach: (server: Server) => () => unknown): Promise<string> {
  const server = createServer(ok)
  const end = attach(server)
  const client = await rawClient(await serve(server))
  client.send(get('/1'))
  await client.until(/ok$/)
  // The same tick: no signal was announced, the bytes lie in the kernel.
  client.send(get('/2'))
  await new Promise((resolve) => client.socket.write('', resolve))
  if (listener === 'closed') NetServer.prototype.close.call(server)
  await end()
  return client.until(/ok[^]*ok$/).catch((error: Error) => error.message)
}

// Catches: ending idle sockets with `end()`: a late request is executed and never answered, so a retry runs it twice.
test('a request that comes after the connection was closed is not executed', async () => {
  expect(await lateRequest('end')).toBe(2)
  expect(await lateRequest('drain')).toBe(1)
})

async function lateRequest(how: 'end' | 'drain'): Promise<number> {
  let handled = 0
  const server = createServer((_request, response) => {
    handled += 1
    response.end('ok')
  })
  const resource = how === 'drain' ? httpServer(server) : undefined
  const connected = once(server, 'connection')
  const client = await rawClient(await serve(server), { allowHalfOpen: true })
  const [socket] = await connected
  client.send(get('/1'))
  await client.until(/ok$/)
  client.socket.on('end', () => client.socket.end(get('/late')))
  const closed = Promise.all([client.socket, socket].map((end) => new Promise((resolve) => end.on('close', resolve))))
  if (resource) await resource.drain(drainContext())
  else socket.end()
  await closed
  return handled
}

// Catches: `server.close()`, which on Node < 26 waits for a socket that never sends.
test('a connection that never sent anything is closed after its grace', async () => {
  const naive = createServer(ok)
  const real = createServer(ok)
  const resource = httpServer(real, { unusedGraceMs: 200 })
  await rawClient(await serve(naive))
  const client = await rawClient(await serve(real))

  const closed = plainClose(naive)
  expect(await within(2_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
  expect(await client.ended).toBe('end')
  if (Number(process.versions.node.split('.')[0]) < 26) expect(await within(100, closed)).toBe('pending')
})

// Catches: destroying what has not sent anything yet, as `closeAllConnections()` does.
test('its first request within the grace is served', async () => {
  const naive = createServer(ok)
  const connected = once(naive, 'connection')
  const early = await rawClient(await serve(naive))
  await connected
  naive.close()
  naive.closeAllConnections()
  early.send(get('/late'))
  await expect(early.until(/ok$/)).rejects.toThrow('ended')

  const server = createServer(ok)
  const resource = httpServer(server, { unusedGraceMs: 5_000 })
  const client = await rawClient(await serve(server))
  const drained = Promise.resolve(resource.drain(drainContext()))
  await vi.waitFor(() => expect(server.listening).toBe(false))
  client.send(get('/late'))

  expect(await client.until(/ok$/)).toMatch(/connection: close/i)
  expect(await within(1_000, drained)).toBeUndefined()
})

// Catches: `http.Server.close()`, which stops the timer that ends half-sent requests.
test.each([
  ['half of the headers', 'GET /half HTTP/1.1\r\nHo'],
  ['half of a body', 'POST /half HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf'],
])("%s end by the server's own timeouts", async (_what, bytes) => {
  const timeouts = { headersTimeout: 300, requestTimeout: 400, connectionsCheckingInterval: 50 }
  const read: RequestListener = (request, response) => void request.resume().on('end', () => response.end('ok'))
  const naive = createServer(timeouts, read)
  const real = createServer(timeouts, read)
  const resource = httpServer(real)
  for (const port of [await serve(naive), await serve(real)]) {
    const client = await rawClient(port)
    client.send(bytes)
  }
  await expect.poll(() => resource.stats().sockets.receiving + resource.stats().sockets.active).toBe(1)
  await new Promise(setImmediate)

  const closed = plainClose(naive)
  expect(await within(3_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
  expect(await within(100, closed)).toBe('pending')
})

test('half a request on a kept-alive connection is not taken for an idle one', async () => {
  const server = createServer(ok)
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/1'))
  await client.until(/ok$/)
  resource.quiesce?.(quiesceContext)
  client.send('GET /2 HTTP/1.1\r\n')
  await expect.poll(() => resource.stats().sockets.receiving).toBe(1)
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(100, drained)).toBe('pending')
  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^part of a request from 127\.0\.0\.1 /)])
  client.send('Host: test\r\n\r\n')

  expect(await client.until(/ok[^]*ok$/)).toMatch(/connection: close/i)
  expect(await within(1_000, drained)).toBeUndefined()
})

test('a stuck handler costs only itself: the rest is done, it is named, and cut at the deadline', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/quick') response.end('ok')
  })
  const resource = httpServer(server)
  const port = await serve(server)
  const stuck = await rawClient(port)
  stuck.send(get('/stuck?key=1'))
  await once(server, 'request')
  const quick = await rawClient(port)
  quick.send(get('/quick'))
  const context = drainContext()
  const drained = Promise.resolve(resource.drain(context))
  await quick.until(/ok$/)

  expect(await within(100, drained)).toBe('pending')
  expect(resource.inFlight?.()).toBe(1)
  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^GET \/stuck \d+ ms, nothing sent$/)])
  context.cut()
  expect(await within(500, drained)).toBeUndefined()
  const closed = once(server, 'close')
  await resource.force?.(forceContext)
  expect(await within(500, closed)).not.toBe('pending')
  expect(await within(500, stuck.ended)).not.toBe('pending')
})

test('two drains of one server end together', async () => {
  const server = createServer(ok)
  const resource = httpServer(server, { unusedGraceMs: 100 })
  await rawClient(await serve(server))
  expect(await within(2_000, Promise.all([resource.drain(drainContext()), resource.drain(drainContext())]))).not.toBe('pending')
})

test('a server that never listened is done at once, and cannot begin to listen afterwards', async () => {
  const server = createServer(ok)
  const resource = httpServer(server)
  await resource.drain(drainContext())
  await resource.force?.(forceContext)
  const closed = once(server, 'close')
  server.listen(0, '127.0.0.1')
  await closed
  expect(server.listening).toBe(false)
})
