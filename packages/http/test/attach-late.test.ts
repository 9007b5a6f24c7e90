import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { connect as connectHttp2, createSecureServer, createServer as createHttp2Server, type ClientHttp2Session } from 'node:http2'
import { createServer as createSecure } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer, type DrainableServer } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, forceContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient, watch, type RawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

// Each server here has its connections before anything is attached to it.

// Catches: learning connections only from their next use, and from nothing else.
test('attached late, it knows the connections that are open, by what they are', async () => {
  const due = gate()
  const server = createServer((request, response) => void (request.url === '/slow' ? due.opened.then(() => response.end('slow')) : response.end('ok')))
  server.on('upgrade', (_request, socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n'))
  const port = await serve(server)
  const [used, slow, upgraded] = [await rawClient(port), await rawClient(port), await rawClient(port)]
  const opened = once(server, 'connection')
  const unused = await rawClient(port)
  await opened
  used.send(get('/'))
  await used.until(/ok$/)
  slow.send(get('/slow'))
  await once(server, 'request')
  upgraded.send(get('/', 'Connection: upgrade\r\nUpgrade: test\r\n'))
  await upgraded.until(/101/)
  const resource = httpServer(server, { unusedGraceMs: 50 })

  expect(resource.stats().sockets).toMatchObject({ idle: 1, active: 1, unused: 1, upgraded: 1 })
  expect(resource.inFlight?.()).toBe(2)
  const drained = Promise.resolve(resource.drain(drainContext()))
  for (const client of [used, unused, upgraded]) expect(await client.ended).toBe('end')
  expect(await within(50, drained)).toBe('pending')
  due.open()
  expect(await slow.until(/slow$/)).toMatch(/connection: close/i)
  expect(await within(1_000, drained)).toBeUndefined()
})

test('half-sent requests: what is completed is answered, the others end by the server\'s own timeouts', async () => {
  const server = createServer({ headersTimeout: 400, requestTimeout: 500, connectionsCheckingInterval: 50 }, (request, response) => {
    request.resume().on('end', () => response.end('ok'))
  })
  const port = await serve(server)
  const [completed, head, body] = [await rawClient(port), await rawClient(port), await rawClient(port)]
  completed.send('GET /half HTTP/1.1\r\nHo')
  head.send('GET /half HTTP/1.1\r\nHo')
  body.send('POST /half HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf')
  await once(server, 'request')
  const resource = httpServer(server)
  const drained = Promise.resolve(resource.drain(drainContext()))
  completed.send('st: test\r\n\r\n')

  expect(await completed.until(/ok$/)).toMatch(/connection: close/i)
  expect(await within(4_000, drained)).toBeUndefined()
})

// Catches: following only what was listed or has begun since. A server that does not listen itself cannot be asked for its connections.
test('given connections: one whose answer was begun before is known from the end of that answer', async () => {
  const due = gate()
  const server = createServer((_request, response) => void due.opened.then(() => response.end('ok')))
  const port = await serve(createTcpServer((socket) => void server.emit('connection', socket)))
  const before = await rawClient(port)
  before.send(get('/'))
  await once(server, 'request')
  const resource = httpServer(server)
  const given = once(server, 'connection')
  await rawClient(port)
  await given
  expect(resource.stats().sockets).toMatchObject({ active: 0, idle: 0, unused: 1 })
  due.open()
  await before.until(/ok$/)
  await expect.poll(() => resource.stats().sockets).toMatchObject({ idle: 1, unused: 1 })

  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(2_000, before.ended)).toBe('end')
  expect(await within(2_000, drained)).toBeUndefined()
})

const tlsServers: readonly [string, (listener: RequestListener) => DrainableServer][] = [
  ['https', (listener) => createSecure({ key, cert }, listener)],
  ['http2 with allowHTTP1', (listener) => createSecureServer({ key, cert, allowHTTP1: true }, listener as never)],
]

test.each(tlsServers)('%s: a request in flight is answered, idle and unused connections do not hold the drain', async (_name, create) => {
  const due = gate()
  const server = create((request, response) => (request.url === '/slow' ? void due.opened.then(() => response.end('ok')) : response.end('ok')))
  const port = await serve(server)
  const [idle, busy, unused] = [await tlsClient(port), await tlsClient(port), await tlsClient(port)]
  idle.send(get('/'))
  await idle.until(/ok$/)
  busy.send(get('/slow'))
  await once(server, 'request')
  const resource = httpServer(server, { unusedGraceMs: 50 })
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(2_000, Promise.all([idle.ended, unused.ended]))).not.toBe('pending')
  expect(await within(50, drained)).toBe('pending')
  due.open()

  expect(await busy.until(/ok$/)).toMatch(/^HTTP\/1.1 200/)
  expect(await within(2_000, drained)).toBeUndefined()
})

// They lead nowhere: not in the server's lists any more, and the process knows the raw socket below only.
test('an upgraded connection over TLS is there until it is cut', async () => {
  const server = createSecure({ key, cert })
  server.on('upgrade', (_request, socket) => socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  const client = await tlsClient(await serve(server))
  client.send(get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'))
  await client.until(/101/)
  const resource = httpServer(server)
  const context = drainContext()
  const drained = Promise.resolve(resource.drain(context))
  expect(await within(300, drained)).toBe('pending')

  context.cut()
  const closed = once(server, 'close')
  await resource.force?.(forceContext)
  expect(await within(1_000, Promise.all([drained, client.ended, closed]))).not.toBe('pending')
})

const http2Servers: readonly [string, string, () => DrainableServer][] = [
  ['h2c', 'http', () => createHttp2Server()],
  ['HTTP/2 over TLS', 'https', () => createSecureServer({ key, cert })],
]

/** Before, Node keeps no list of a server's sessions. */
const listsSessions = Number(process.versions.node.split('.')[0]) >= 24

test.skipIf(!listsSessions).each(http2Servers)(
  '%s: a stream in flight is finished, sessions that are not used again do not hold the drain (Node 24 and later)',
  async (_name, scheme, create) => {
    const { due, answer, resource, others } = await attachedToSessions(scheme, create)
    const drained = Promise.resolve(resource.drain(drainContext()))
    expect(await within(3_000, others)).not.toBe('pending')
    due.open()

    expect(await answer).toBe('begun done')
    expect(await within(3_000, drained)).toBeUndefined()
  },
)

test.skipIf(listsSessions).each(http2Servers)('%s: sessions that are not used again are there until they are cut (Node 20 and 22)', async (_name, scheme, create) => {
  const { due, answer, resource, server, others } = await attachedToSessions(scheme, create)
  const context = drainContext()
  const drained = Promise.resolve(resource.drain(context))
  due.open()
  expect(await answer).toBe('begun done')
  expect(await within(300, drained)).toBe('pending')

  context.cut()
  const closed = once(server, 'close')
  await resource.force?.(forceContext)
  expect(await within(1_000, Promise.all([drained, others, closed]))).not.toBe('pending')
})

async function attachedToSessions(scheme: string, create: () => DrainableServer) {
  const due = gate()
  const server = create()
  server.on('stream', (stream: NodeJS.WritableStream & { respond(): void }) => {
    stream.respond()
    stream.write('begun ')
    void due.opened.then(() => stream.end('done'))
  })
  const authority = `${scheme}://127.0.0.1:${await serve(server)}`
  const [busy, used, unused] = [await session(authority), await session(authority), await session(authority)]
  const answer = ask(busy)
  await once(server, 'stream')
  const other = used.request({ ':path': '/' })
  await once(server, 'stream')
  other.close()
  await once(other, 'close')
  const resource = httpServer(server, { unusedGraceMs: 50 })
  return { due, answer, resource, server, others: Promise.all([used, unused].map((each) => once(each, 'close'))) }
}

async function tlsClient(port: number): Promise<RawClient> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
  const client = watch(socket)
  await once(socket, 'secureConnect')
  return client
}

async function session(authority: string): Promise<ClientHttp2Session> {
  const client = connectHttp2(authority, { rejectUnauthorized: false })
  client.on('error', () => {})
  onTestFinished(() => client.destroy())
  await once(client, 'remoteSettings')
  return client
}

async function ask(client: ClientHttp2Session): Promise<string> {
  const stream = client.request({ ':path': '/' })
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  await once(stream, 'end')
  return text
}
