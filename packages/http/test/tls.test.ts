import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { RequestListener } from 'node:http'
import { connect as connectTcp, createServer as createTcpServer } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, forceContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient, watch, type RawClient } from './support/raw-client.ts'
import { gate, plainClose, serve } from './support/serve.ts'

test('a request in flight is answered with Connection: close, an idle connection ended, a session resumed', async () => {
  const due = gate()
  const server = secure((request, response) => {
    if (request.url === '/slow') void due.opened.then(() => response.end('ok'))
    else response.end('ok')
  })
  const resource = httpServer(server)
  const port = await serve(server)
  const idle = await tlsClient(port)
  idle.send(get('/'))
  await idle.until(/ok$/)
  const busy = await tlsClient(port)
  busy.send(get('/slow'))
  await once(server, 'request')
  expect(resource.stats()).toMatchObject({ sockets: { idle: 1, active: 1, handshaking: 0 }, inFlight: 1 })
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  await idle.ended
  due.open()

  expect(await busy.until(/ok$/)).toMatch(/connection: close/i)
  expect(await busy.ended).toBe('end')
  expect(await within(1_000, drained)).toBeUndefined()
})

// Catches: `closeAllConnections()`, to which a socket without a ClientHello is invisible, and close(), which waits 120 s for it.
test('a socket that never begins the handshake is closed after its grace', async () => {
  const naive = secure()
  await rawClient(await serve(naive))
  const naiveClosed = plainClose(naive)
  naive.closeAllConnections()
  expect(await within(200, naiveClosed)).toBe('pending')

  const server = secure()
  const resource = httpServer(server, { unusedGraceMs: 150 })
  const connected = once(server, 'connection')
  const client = await rawClient(await serve(server))
  await connected
  expect(resource.stats().sockets.handshaking).toBe(1)
  expect(await within(2_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
  expect(await within(100, client.ended)).not.toBe('pending')
})

test('a handshake that ends within the grace, and its first request, are served', async () => {
  const server = secure()
  const resource = httpServer(server, { unusedGraceMs: 5_000 })
  const connected = once(server, 'connection')
  const raw = await rawClient(await serve(server))
  await connected
  const drained = Promise.resolve(resource.drain(drainContext()))
  await expect.poll(() => server.listening).toBe(false)
  raw.socket.removeAllListeners('data')
  const client = watch(connect({ socket: raw.socket, rejectUnauthorized: false }))
  await expect.poll(() => resource.stats().sockets).toMatchObject({ unused: 1, handshaking: 0 })
  client.send(get('/'))

  expect(await client.until(/ok$/)).toMatch(/connection: close/i)
  expect(await within(1_000, drained)).toBeUndefined()
})

// Catches: counting the grace from the accept. On a slow machine or a long way a handshake takes longer, and the request comes behind it.
test('a handshake that goes on beyond the grace, and its first request, are served', async () => {
  const server = secure()
  const resource = httpServer(server, { unusedGraceMs: 150 })
  const port = await serve(server)
  const { port: slowPort, resume } = await pausingProxy(port)
  const client = watch(connect({ port: slowPort, host: '127.0.0.1', rejectUnauthorized: false }))
  await expect.poll(() => resource.stats().sockets.handshaking).toBe(1)
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(450, drained)).toBe('pending')
  resume()
  await once(client.socket, 'secureConnect')
  client.send(get('/'))
  expect(await client.until(/ok$/)).toMatch(/connection: close/i)
  expect(await within(1_000, drained)).toBeUndefined()
})

test('an unused connection after the handshake counts as unused, and goes after its grace', async () => {
  const server = secure()
  const resource = httpServer(server, { unusedGraceMs: 100 })
  await tlsClient(await serve(server))
  await expect.poll(() => resource.stats().sockets).toMatchObject({ unused: 1, handshaking: 0 })
  expect(await within(2_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
})

test('a big answer reaches a client in whole', async () => {
  const body = Buffer.alloc(16 * 1024 * 1024, 'x')
  const server = secure((_request, response) => void response.writeHead(200, { Connection: 'keep-alive', 'Content-Length': body.length }).end(body))
  const resource = httpServer(server)
  const client = await tlsClient(await serve(server))
  client.socket.pause()
  client.send(get('/'))
  await once(server, 'request')
  const drained = resource.drain(drainContext(20_000))
  await expect.poll(() => server.listening).toBe(false)
  client.socket.resume()
  expect(await client.ended).toBe('end')
  expect(client.text().length).toBeGreaterThan(body.length)
  await drained
})

// Catches: destroying the socket after its last answer, which looks like a truncation to a strict TLS client.
test.each(['close', 'keep-alive'])('after its last answer, with Connection: %s, a TLS client is told that this was all', async (connection) => {
  const due = gate()
  const server = createServer({ key, cert, maxVersion: 'TLSv1.2' }, (_request, response) => {
    if (connection === 'keep-alive') response.setHeader('Connection', connection)
    void due.opened.then(() => response.end('ok'))
  })
  const resource = httpServer(server)
  const { port, records } = await recordingProxy(await serve(server))
  const client = await tlsClient(port)
  client.send(get('/'))
  await once(server, 'request')
  const drained = resource.drain(drainContext())
  await expect.poll(() => server.listening).toBe(false)
  due.open()
  await drained
  await client.ended

  const alert = 21
  expect(records.at(-1)).toBe(alert)
})

test('handshakes and everything else are cut in one go', async () => {
  const server = secure(() => {})
  const resource = httpServer(server)
  const port = await serve(server)
  await rawClient(port)
  const busy = await tlsClient(port)
  busy.send(get('/stuck'))
  await once(server, 'request')
  const closed = once(server, 'close')
  await resource.force?.(forceContext)
  expect(await within(500, closed)).not.toBe('pending')
})

/** Lets the client's first 50 bytes through, and the rest when told to. */
async function pausingProxy(target: number): Promise<{ readonly port: number; readonly resume: () => void }> {
  let resume = (): void => {}
  const proxy = createTcpServer((client) => {
    const upstream = connectTcp(target, '127.0.0.1')
    upstream.on('error', () => client.destroy()).pipe(client)
    client.on('error', () => upstream.destroy())
    client.once('data', (hello: Buffer) => {
      client.pause()
      upstream.write(hello.subarray(0, 50))
      resume = () => {
        upstream.write(hello.subarray(50))
        client.pipe(upstream)
      }
    })
  })
  return { port: await serve(proxy), resume: () => resume() }
}

/** Notes the types of the TLS records that the server sends; before TLS 1.3 they are in the clear. */
async function recordingProxy(target: number): Promise<{ readonly port: number; readonly records: number[] }> {
  const records: number[] = []
  const proxy = createTcpServer((client) => {
    const upstream = connectTcp(target, '127.0.0.1')
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy()).pipe(upstream)
    let left = Buffer.alloc(0)
    upstream.on('data', (chunk) => {
      left = Buffer.concat([left, chunk])
      while (left.length >= 5 && left.length >= 5 + left.readUInt16BE(3)) {
        records.push(left.readUInt8(0))
        left = left.subarray(5 + left.readUInt16BE(3))
      }
    })
    upstream.pipe(client)
  })
  return { port: await serve(proxy), records }
}

function secure(listener: RequestListener = (_request, response) => void response.end('ok')): Server {
  return createServer({ key, cert }, listener)
}

async function tlsClient(port: number): Promise<RawClient & { readonly socket: TLSSocket }> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  const client = watch(socket)
  await once(socket, 'secureConnect')
  return { ...client, socket }
}
