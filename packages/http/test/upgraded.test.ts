import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { httpServer } from '../src/index.ts'
import { drainContext, forceContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, plainClose, serve } from './support/serve.ts'
import { uncaught } from './support/uncaught.ts'

const goingAway = '\x88\x02\x03\xe9'
const handshake = get('/chat?token=secret', 'Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n')

// Catches: `server.close()` and `closeAllConnections()`, to which an upgraded socket is invisible.
test('a WebSocket client gets 1001 when the lame duck is over, and answers come through until then', async () => {
  const naive = createServer()
  const naivePort = await serve(naive)
  new WebSocketServer({ server: naive })
  const kept = new WebSocket(`ws://127.0.0.1:${naivePort}`)
  await once(kept, 'open')
  const naiveClosed = plainClose(naive)
  naive.closeAllConnections()
  expect(await within(200, naiveClosed)).toBe('pending')
  kept.terminate()

  const server = createServer((_request, response) => void response.end('ok'))
  const resource = httpServer(server)
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)))
  const port = await serve(server)
  const client = new WebSocket(`ws://127.0.0.1:${port}/chat`)
  await once(client, 'open')
  expect(resource.stats()).toMatchObject({ sockets: { upgraded: 1 }, inFlight: 1 })

  resource.quiesce?.(quiesceContext)
  client.send('still there?')
  expect(String((await once(client, 'message'))[0])).toBe('still there?')

  const closed = once(client, 'close')
  expect(await within(2_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
  expect((await closed)[0]).toBe(1001)
  expect(resource.inFlight?.()).toBe(0)
})

test('a WebSocket that ignores the goodbye delays no request, is named, and is cut', async () => {
  const due = gate()
  const server = createServer((_request, response) => void due.opened.then(() => response.end('ok')))
  const resource = httpServer(server)
  new WebSocketServer({ server })
  const port = await serve(server)
  const rude = await rawClient(port)
  rude.send(handshake)
  await rude.until(/101 Switching/)
  const client = await rawClient(port)
  client.send(get('/'))
  await once(server, 'request')
  const drained = Promise.resolve(resource.drain(drainContext()))
  due.open()
  expect(await client.until(/ok$/)).toMatch(/connection: close/i)
  await expect.poll(() => rude.text().slice(-4)).toBe(goingAway)
  await client.ended

  expect(await within(100, drained)).toBe('pending')
  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^GET \/chat \(websocket\) \d+ ms, \d+ bytes sent$/)])
  const closed = once(server, 'close')
  await resource.force?.(forceContext)
  expect(await within(500, closed)).not.toBe('pending')
  expect(await within(500, drained)).toBeUndefined()
})

test('no close frame before the 101 has been sent', async () => {
  const due = gate()
  const server = createServer()
  const resource = httpServer(server)
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    void due.opened.then(() => sockets.handleUpgrade(request, socket as Socket, head, () => {}))
  })
  const port = await serve(server)
  const client = new WebSocket(`ws://127.0.0.1:${port}/`)
  await once(server, 'upgrade')
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(120, drained)).toBe('pending')
  due.open()

  expect((await once(client, 'close'))[0]).toBe(1001)
  expect(await within(2_000, drained)).toBeUndefined()
})

test('the application may close upgraded sockets itself; an error of it is reported when everything else is done', async () => {
  const due = gate()
  const server = createServer((_request, response) => void due.opened.then(() => response.end('ok')))
  const protocols: string[] = []
  const resource = httpServer(server, {
    closeUpgraded(socket, protocol) {
      protocols.push(protocol)
      socket.destroy()
      throw new Error('no goodbye today')
    },
  })
  server.on('upgrade', (_request, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  const port = await serve(server)
  const upgraded = await rawClient(port)
  upgraded.send(handshake)
  await upgraded.until(/101/)
  const client = await rawClient(port)
  client.send(get('/'))
  await once(server, 'request')
  const drained = Promise.resolve(resource.drain(drainContext())).then(() => 'drained', (error: unknown) => error)
  await upgraded.ended
  expect(await within(100, drained)).toBe('pending')
  due.open()

  expect(await client.until(/ok$/)).toMatch(/connection: close/i)
  expect(await drained).toEqual(new Error('no goodbye today'))
  expect(protocols).toEqual(['websocket'])
})

test('… and may do so in an async function', async () => {
  const errors = uncaught()
  const server = createServer()
  const resource = httpServer(server, {
    async closeUpgraded(socket) {
      await Promise.resolve()
      socket.destroy()
      throw new Error('no goodbye today')
    },
  })
  server.on('upgrade', (_request, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  const client = await rawClient(await serve(server))
  client.send(handshake)
  await client.until(/101/)
  const drained = Promise.resolve(resource.drain(drainContext())).then(() => 'drained', (error: unknown) => error)
  expect(await within(2_000, drained)).toEqual(new Error('no goodbye today'))
  expect(errors).toEqual([])
})

// Catches: taking one's own wrapper off by putting back what was there before, and with it what others (a tracer) have put over it since.
test('whoever wraps the socket\'s write between the goodbye that is due and the 101 sees every write', async () => {
  const server = createServer()
  const resource = httpServer(server, { upgradedSpreadMs: 0 })
  const sockets: Duplex[] = []
  server.on('upgrade', (_request, socket) => sockets.push(socket))
  const port = await serve(server)
  const [client, other] = [await rawClient(port), await rawClient(port)]
  for (const each of [client, other]) {
    each.send(handshake)
    await once(server, 'upgrade')
  }
  const [late, early] = sockets as [Duplex, Duplex]
  early.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  await other.until(/101/)
  void resource.drain(drainContext())
  // Its turn comes after that of the other, which now waits for its 101.
  await other.until(new RegExp(`${goingAway}$`))

  const seen: unknown[] = []
  const write = late.write.bind(late) as (data: string | Buffer) => boolean
  late.write = (data: string | Buffer): boolean => {
    seen.push(data)
    return write(data)
  }
  for (const text of ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'one', 'two']) late.write(text)
  expect(await client.until(new RegExp(`${goingAway}$`))).toBe('HTTP/1.1 101 Switching Protocols\r\n\r\nonetwo' + goingAway)
  expect(seen).toEqual(['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'one', 'two', Buffer.from(goingAway, 'latin1')])
})

// Catches: an `upgrade` listener of the SDK's own, with which Node stops answering such requests.
test('attached to a server without WebSockets, a request with an Upgrade header is served as any other', async () => {
  const server = createServer((_request, response) => void response.end('ok'))
  httpServer(server)
  const later = (): void => {}
  server.on('upgrade', later)
  server.off('upgrade', later)
  expect(server.listenerCount('upgrade')).toBe(0)
  const client = await rawClient(await serve(server))
  client.send(get('/', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'))
  expect(await client.until(/ok$/)).toMatch(/^HTTP\/1.1 200/)
})
