import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { httpServer } from '../src/index.ts'
import { drainContext, forceContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, plainClose, serve } from './support/serve.ts'

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
  await expect.poll(() => rude.text().slice(-4)).toBe('\x88\x02\x03\xe9')
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
