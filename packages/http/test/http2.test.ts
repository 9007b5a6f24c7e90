import { once } from 'node:events'
import { connect, constants, createSecureServer, createServer, type ClientHttp2Session, type ClientHttp2Stream, type Http2ServerResponse } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer, type DrainableServer } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, forceContext, quiesceContext, within } from './support/context.ts'
import { gate, plainClose, serve } from './support/serve.ts'
import { uncaught } from './support/uncaught.ts'

const tls = { rejectUnauthorized: false }

const kinds: readonly [string, string, () => DrainableServer & { on(event: string, listener: (...args: never[]) => void): unknown }][] = [
  ['h2c', 'http', () => createServer()],
  ['TLS', 'https', () => createSecureServer({ key, cert })],
  ['TLS with allowHTTP1', 'https', () => createSecureServer({ key, cert, allowHTTP1: true })],
]

test.each(kinds)('%s: streams in flight finish, the client is told to go, and an idle session does not hold the server', async (_name, scheme, create) => {
  const due = gate()
  const server = create()
  const resource = httpServer(server)
  let streams = 0
  server.on('stream', (stream: ClientHttp2Stream & { respond(): void }) => {
    streams += 1
    stream.respond()
    stream.write('begun ')
    void due.opened.then(() => stream.end('done'))
  })
  const port = await serve(server)
  const busy = await session(`${scheme}://127.0.0.1:${port}`)
  const idle = await session(`${scheme}://127.0.0.1:${port}`)
  const used = idle.request({ ':path': '/' })
  const first = ask(busy, '/slow?token=secret')
  await expect.poll(() => streams).toBe(2)
  expect(resource.stats()).toMatchObject({ sockets: { http2: 2 }, inFlight: 2 })
  used.close()
  await expect.poll(() => resource.inFlight?.()).toBe(1)
  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^GET \/slow \d+ ms, partly sent$/)])

  resource.quiesce?.(quiesceContext)
  const second = ask(busy, '/during')
  await expect.poll(() => streams).toBe(3)
  const goodbyes = [once(busy, 'goaway'), once(idle, 'goaway')]
  const drained = Promise.resolve(resource.drain(drainContext()))
  for (const goodbye of goodbyes) expect((await goodbye)[0]).toBe(constants.NGHTTP2_NO_ERROR)
  expect(await within(50, drained)).toBe('pending')
  due.open()

  expect(await Promise.all([first, second])).toEqual(['begun done', 'begun done'])
  expect(await within(1_000, drained)).toBeUndefined()
})

// Catches: `Http2Server.close()` of Node ≤ 22, which never closes a session.
test('an idle session holds a plain close for ever (Node ≤ 22)', async () => {
  if (Number(process.versions.node.split('.')[0]) > 22) return
  const server = createServer()
  await session(`http://127.0.0.1:${await serve(server)}`)
  expect(await within(200, plainClose(server))).toBe('pending')
})

test('a session without a stream gets the grace for its first one', async () => {
  const server = createServer((_request, response) => void response.end('ok'))
  const resource = httpServer(server, { unusedGraceMs: 5_000 })
  const client = await session(`http://127.0.0.1:${await serve(server)}`)
  await expect.poll(() => resource.stats().sockets.http2).toBe(1)
  const drained = Promise.resolve(resource.drain(drainContext()))
  await expect.poll(() => server.listening).toBe(false)
  expect(await ask(client, '/late')).toBe('ok')
  expect(await within(1_000, drained)).toBeUndefined()
})

// Catches: a `request` listener of the SDK's own, which switches the compatibility layer on.
test('a server that uses streams only gets no requests made for it', async () => {
  const server = createServer()
  const before = server.listenerCount('stream')
  httpServer(server)
  expect(server.listenerCount('request')).toBe(0)
  expect(server.listenerCount('stream')).toBe(before + 1)
})

test('a client that does not hang up after the goodbye is left after a bounded time', async () => {
  const server = createServer((_request, response) => void response.end('ok'))
  const resource = httpServer(server, { unusedGraceMs: 50 })
  const socket = connectTcp({ port: await serve(server), host: '127.0.0.1', allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  socket.resume().on('error', () => {})
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
  await expect.poll(() => resource.stats().sockets.http2).toBe(1)
  expect(await within(5_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
})

test('sessions, attached late or not, are cut in one go', async () => {
  const server = createServer(() => {})
  const port = await serve(server)
  const early = await session(`http://127.0.0.1:${port}`)
  const resource = httpServer(server)
  const late = await session(`http://127.0.0.1:${port}`)
  const asked = [early, late].map((client) => ask(client, '/stuck').catch(() => 'cut'))
  await expect.poll(() => resource.stats()).toMatchObject({ sockets: { http2: 2 }, inFlight: 2 })
  const closed = once(server, 'close')
  await resource.force?.(forceContext)
  expect(await within(500, closed)).not.toBe('pending')
  expect(await within(500, Promise.all(asked))).not.toBe('pending')
  expect(resource.inFlight?.()).toBe(0)
})

// Catches: asking a session that is gone for its socket, which throws where nobody catches it.
test('an application may refuse sessions in a listener of its own', async () => {
  const errors = uncaught()
  const server = createServer((_request, response) => void response.end('ok'))
  let refuse = true
  server.on('session', (refused) => void (refuse && refused.destroy()))
  const resource = httpServer(server)
  const port = await serve(server)
  const refused = connect(`http://127.0.0.1:${port}`)
  refused.on('error', () => {})
  onTestFinished(() => refused.destroy())
  await once(refused, 'close')
  expect(errors).toEqual([])
  expect(resource.stats()).toMatchObject({ sockets: { http2: 0 }, inFlight: 0 })

  refuse = false
  const welcome = await session(`http://127.0.0.1:${port}`)
  expect(await ask(welcome, '/')).toBe('ok')
  expect(await within(1_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
})

// Catches: listing it as a stream and, by Node's `connect` event, as an upgraded socket as well.
test('CONNECT with the compatibility layer is one stream in flight, which is waited for', async () => {
  const server = createServer((_request, response) => void response.end('ok'))
  server.on('connect', (_request: unknown, response: Http2ServerResponse) => {
    response.writeHead(200)
    response.write('open')
    response.stream.on('end', () => response.end(' and closed')).resume()
  })
  const resource = httpServer(server)
  const client = await session(`http://127.0.0.1:${await serve(server)}`)
  const tunnel = client.request({ ':method': 'CONNECT', ':authority': 'db.internal:5432' }, { endStream: false })
  let received = ''
  tunnel.setEncoding('utf8').on('data', (text: string) => {
    received += text
  })
  await once(tunnel, 'data')
  expect(resource.stats()).toMatchObject({ sockets: { http2: 1, upgraded: 0 }, inFlight: 1 })
  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^CONNECT .*\d+ ms, partly sent$/)])

  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  await once(client, 'goaway')
  expect(await within(50, drained)).toBe('pending')
  tunnel.end()
  await once(tunnel, 'close')
  expect(received).toBe('open and closed')
  expect(await within(1_000, drained)).toBeUndefined()
})

async function session(authority: string): Promise<ClientHttp2Session> {
  const client = connect(authority, tls)
  client.on('error', () => {})
  onTestFinished(() => client.destroy())
  await once(client, 'remoteSettings')
  return client
}

async function ask(client: ClientHttp2Session, path: string): Promise<string> {
  const stream = client.request({ ':path': path })
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  await once(stream, 'end')
  return text
}

