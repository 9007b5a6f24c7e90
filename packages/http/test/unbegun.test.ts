import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { createLifecycle, type LifecycleEvent, type Report } from '@lameduck/core'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { httpServer, type HttpServerOptions } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, within } from './support/context.ts'
import { get, rawClient, stalled, watch, type RawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

const goingAway = '\x88\x02\x03\xe9'
const handshake = get('/chat?token=secret', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n')
const unbegunGraceMs = 400
/** An empty one, masked: what a heartbeat sends. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

interface Stop {
  readonly report: Report
  /** What one line a second said of the server. */
  readonly waiting: readonly string[]
}

/** What a stop reports of a server on which this is open. */
async function stopWith(server: Server, options: HttpServerOptions, open: (port: number) => Promise<unknown>, graceMs = 8_000): Promise<Stop> {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs, marginMs: 100 } })
  const waiting: string[] = []
  lifecycle.subscribe((event: LifecycleEvent) => {
    if (event.type === 'still-waiting') waiting.push(...event.steps.flatMap(({ waitingFor }) => waitingFor))
  })
  lifecycle.add(httpServer(server, options))
  const port = await serve(server)
  await lifecycle.start()
  await open(port)
  return { report: await lifecycle.stop(), waiting }
}

const withWebSockets = (server: Server): Server => {
  new WebSocketServer({ server })
  return server
}

/** What holds a connection with nothing of the application in it. */
const holders: Record<string, { readonly server: () => Server; readonly open: (port: number) => Promise<unknown>; readonly named: RegExp }> = {
  'half of a head': {
    server: () => createServer(),
    async open(port) {
      const client = await rawClient(port)
      client.send(get('/').slice(0, 20))
    },
    named: /^part of a request from 127\.0\.0\.1 /,
  },
  'half of the next head': {
    server: () => createServer((_request, response) => void response.end('ok')),
    async open(port) {
      const client = await rawClient(port)
      client.send(get('/'))
      await client.until(/ok$/)
      client.send(get('/').slice(0, 20))
    },
    named: /^part of a request from 127\.0\.0\.1 /,
  },
  'a TLS handshake that stops': {
    server: () => createTlsServer({ key, cert }) as unknown as Server,
    async open(port) {
      const client = await rawClient(port)
      // The first bytes of a ClientHello.
      client.socket.write(Buffer.from([22, 3, 1, 2, 0, 1, 0]))
    },
    named: /^TLS handshake with 127\.0\.0\.1 /,
  },
  'a WebSocket that ignores 1001': {
    server: () => withWebSockets(createServer()),
    async open(port) {
      await ignoring(await rawClient(port))
    },
    named: /^GET \/chat \(websocket\) /,
  },
  'one that ignores it over TLS': {
    server: () => withWebSockets(createTlsServer({ key, cert }) as unknown as Server),
    async open(port) {
      await ignoring(watch(connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })))
    },
    named: /^GET \/chat \(websocket\) /,
  },
  'an upgrade that nobody answers': {
    server: () => createServer().on('upgrade', () => {}),
    async open(port) {
      const client = await rawClient(port)
      client.send(handshake)
    },
    named: /^GET \/chat \(websocket\) .*nothing sent$/,
  },
  'a tunnel whose client stays': {
    server: () => createServer().on('connect', (_request, socket: Socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\n')),
    async open(port) {
      const client = await rawClient(port, { allowHalfOpen: true })
      client.send('CONNECT far:443 HTTP/1.1\r\nHost: far:443\r\n\r\n')
      await client.until(/200 OK/)
    },
    named: /^CONNECT far:443 \(tunnel\) /,
  },
}

async function ignoring(client: RawClient): Promise<void> {
  client.send(handshake)
  await client.until(/101 Switching/)
}

// Catches: waiting for the server's own headersTimeout, or for the deadline: 26.8 s of 30, exit code 71, "work may be lost", with nothing in flight.
test.each(Object.keys(holders))('%s gets a bound of its own, is named meanwhile, and is no loss', async (name) => {
  const { server, open, named } = holders[name] as (typeof holders)[string]
  const { report, waiting } = await stopWith(server(), { unbegunGraceMs: 1_300 }, open)
  expect(report).toMatchObject({ result: 'clean', exitCode: 0 })
  expect(report.tookMs).toBeGreaterThan(1_200)
  expect(report.tookMs).toBeLessThan(3_500)
  expect(waiting).toEqual([expect.stringMatching(named)])
  expect(report.steps[0]).toMatchObject({ work: { failed: 0, cut: 0 } })
})

test.each(Object.keys(holders))('%s is ended before the time is over, where there is less of it', async (name) => {
  const { server, open } = holders[name] as (typeof holders)[string]
  const { report } = await stopWith(server(), { timeoutMs: 2_000 }, open)
  expect(report).toMatchObject({ result: 'clean' })
  expect(report.tookMs).toBeLessThan(2_700)
})

test('the bound is 5 s unless told otherwise', async () => {
  const server = createServer()
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/').slice(0, 20))
  await expect.poll(() => resource.stats().sockets.receiving).toBe(1)
  const begunAt = performance.now()
  await resource.drain(drainContext(30_000))
  expect(performance.now() - begunAt).toBeGreaterThan(4_900)
  expect(performance.now() - begunAt).toBeLessThan(6_500)
})

// Its head is there, so that a handler has begun.
test('a request whose body is still arriving is none of this', async () => {
  const server = createServer((request, response) => void request.resume().on('end', () => response.end('stored')))
  const resource = httpServer(server, { unbegunGraceMs: 100 })
  const client = await rawClient(await serve(server))
  client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf')
  await once(server, 'request')
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(500, drained)).toBe('pending')
  client.send('rest')
  expect(await client.until(/stored$/)).toMatch(/^HTTP\/1.1 200/)
  await drained
})

test('nor is an answer whose body goes on arriving after it', async () => {
  const server = createServer((_request, response) => void response.end('early'))
  const resource = httpServer(server, { unbegunGraceMs: 100 })
  const client = await rawClient(await serve(server))
  client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf')
  await client.until(/early$/)
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(500, drained)).toBe('pending')
  client.send('rest')
  await drained
})

// A client that is in the middle of a message answers when it has sent it.
test('a WebSocket that still sends is waited for, and ended when it is silent', async () => {
  const server = withWebSockets(createServer())
  const resource = httpServer(server, { unbegunGraceMs })
  const client = await rawClient(await serve(server))
  await ignoring(client)
  const begunAt = performance.now()
  const sending = setInterval(() => client.socket.write(pong), 50)
  onTestFinished(() => clearInterval(sending))
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(unbegunGraceMs * 3, drained)).toBe('pending')
  clearInterval(sending)
  await drained
  expect(performance.now() - begunAt).toBeGreaterThan(unbegunGraceMs * 3)
})

test('… and when its time is over it is cut, and counted', async () => {
  const server = withWebSockets(createServer())
  const open = async (port: number): Promise<void> => {
    const client = await rawClient(port)
    await ignoring(client)
    const sending = setInterval(() => client.socket.write(pong), 20)
    onTestFinished(() => clearInterval(sending))
  }
  const { report } = await stopWith(server, { unbegunGraceMs: 200, timeoutMs: 1_000 }, open)
  expect(report.result).toBe('forced')
  expect(report.steps[0]).toMatchObject({ outcome: 'forced', work: { cut: 1 } })
})

// Catches: measuring the silence of the client alone, which may be reading all the while.
test('a WebSocket that has not read yet what was sent to it before the goodbye is no silent one', async () => {
  const length = 16 * 1_024 * 1_024
  const server = createServer()
  const resource = httpServer(server, { unbegunGraceMs: 100 })
  server.on('upgrade', (_request, socket: Socket) => {
    socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
    socket.write(Buffer.alloc(length, 'x'))
    socket.on('data', () => socket.end())
  })
  const socket = connect({ port: await serve(server), host: '127.0.0.1' })
  const reading = stalled(socket)
  socket.write(handshake)
  await once(server, 'upgrade')
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(600, drained)).toBe('pending')
  const received = reading.resume()
  socket.write('bye')
  await drained
  expect(await received).toBe('HTTP/1.1 101 Switching Protocols\r\n\r\n'.length + length + goingAway.length)
})

test('with a goodbye of the application\'s own, what it goes on sending counts as well', async () => {
  const server = createServer()
  let sent = 0
  const resource = httpServer(server, {
    unbegunGraceMs: 200,
    closeUpgraded(socket) {
      const sending = setInterval(() => {
        socket.write('more')
        sent += 1
        if (sent < 20) return
        clearInterval(sending)
        socket.end()
      }, 50)
    },
  })
  server.on('upgrade', (_request, socket: Socket) => void socket.on('end', () => socket.end()).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  const client = await rawClient(await serve(server))
  client.send(handshake)
  await client.until(/101/)
  await resource.drain(drainContext())
  expect(sent).toBe(20)
  expect(client.text().match(/more/g)).toHaveLength(20)
})

test('… nor is it ended before that has settled', async () => {
  const server = createServer()
  let done = false
  const resource = httpServer(server, {
    unbegunGraceMs: 100,
    async closeUpgraded(socket) {
      await new Promise((resolve) => setTimeout(resolve, 700))
      done = true
      socket.end()
    },
  })
  server.on('upgrade', (_request, socket: Socket) => void socket.on('end', () => socket.end()).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  const client = await rawClient(await serve(server))
  client.send(handshake)
  await client.until(/101/)
  const ended = client.ended.then(() => done)
  await resource.drain(drainContext())
  expect(await ended).toBe(true)
})
