import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect as connectHttp2, createSecureServer } from 'node:http2'
import type { Server, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer, type HttpServerResource } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, forceContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient, watch } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

const upgrade = get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')

/** Every socket that the server has accepted, TLS ones as the raw socket below. */
function acceptedBy(server: Server): Socket[] {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => sockets.push(socket))
  return sockets
}

async function plain(): Promise<{ server: Server & { closeAllConnections(): void }; resource: HttpServerResource; sockets: Socket[] }> {
  const server = createServer((request, response) => void (request.url === '/' && response.end('ok')))
  const resource = httpServer(server)
  const sockets = acceptedBy(server)
  server.on('upgrade', (_request, socket) => socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  const port = await serve(server)
  const clients = await Promise.all(Array.from({ length: 6 }, () => rawClient(port)))
  const [idle, chat, busy, head, body] = clients
  idle?.send(get('/'))
  await idle?.until(/ok$/)
  chat?.send(upgrade)
  await chat?.until(/101/)
  busy?.send(get('/stuck'))
  head?.send('GET /half HTTP/1.1\r\nHo')
  body?.send('POST /half HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf')
  await expect.poll(() => resource.stats().sockets).toMatchObject({ idle: 1, unused: 1, receiving: 1, active: 2, upgraded: 1 })
  return { server, resource, sockets }
}

// Catches: `closeAllConnections()`, to which upgraded sockets are invisible.
test('everything is cut in one tick: idle, unused, half-sent, active and upgraded', async () => {
  const naive = await plain()
  naive.server.closeAllConnections()
  expect(naive.sockets.filter((socket) => !socket.destroyed)).toHaveLength(1)

  const { server, resource, sockets } = await plain()
  const closed = once(server, 'close')
  await cutInOneTick(resource, sockets)
  expect(await within(1_000, closed)).not.toBe('pending')
})

// Catches: `close()`, to which a socket without a ClientHello is invisible, and on Node ≤ 22 HTTP/2 sessions too.
test('everything is cut in one tick over TLS: handshakes, HTTP/1, upgraded and HTTP/2', async () => {
  const server = createSecureServer({ key, cert, allowHTTP1: true }, () => {})
  const resource = httpServer(server)
  const sockets = acceptedBy(server)
  server.on('upgrade', (_request: unknown, socket: Socket) => socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  const port = await serve(server)
  const [silent, active, chat] = [await rawClient(port), tls(port), tls(port)]
  active.send(get('/stuck'))
  chat.send(upgrade)
  await chat.until(/101/)
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  onTestFinished(() => session.destroy())
  const stream = session.request({ ':path': '/stuck' })
  const cut = once(stream, 'close').catch(() => 'cut')
  stream.on('error', () => {})
  await expect.poll(() => resource.stats().sockets).toMatchObject({ handshaking: 1, active: 1, upgraded: 1, http2: 1 })

  const closed = once(server, 'close')
  await cutInOneTick(resource, sockets)
  expect(await within(1_000, Promise.all([closed, cut, silent.ended, active.ended, chat.ended]))).not.toBe('pending')
})

// Catches: going through the sockets alone. Of a stream that the application has given to the server only Node knows, until its first request.
test('a given stream on which half a request has come is cut', async () => {
  const server = createServer()
  const resource = httpServer(server)
  await serve(server)
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  server.emit('connection', stream)
  stream.push('GET /half HTTP/1.1\r\nHo')
  await resource.force?.(forceContext)
  expect(stream.destroyed).toBe(true)
})

async function cutInOneTick(resource: HttpServerResource, sockets: readonly Socket[]): Promise<void> {
  resource.quiesce?.(quiesceContext)
  const context = drainContext()
  const drained = Promise.resolve(resource.drain(context))
  expect(await within(100, drained)).toBe('pending')
  expect(sockets.some((socket) => !socket.destroyed)).toBe(true)
  context.cut()
  void resource.force?.(forceContext)
  // No turn of the loop has passed.
  expect(sockets.filter((socket) => !socket.destroyed)).toHaveLength(0)
  expect(await within(1_000, drained)).toBeUndefined()
  await expect.poll(() => resource.inFlight?.()).toBe(0)
}

function tls(port: number): ReturnType<typeof watch> {
  return watch(connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }))
}
