import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { createLifecycle } from '@lameduck/core'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { httpServer, type HttpServerOptions, type HttpServerResource } from '../src/index.ts'
import { drainContext, quiesceContext } from './support/context.ts'
import { get, rawClient, type RawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

const noWork = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }
const handshake = get('/chat?token=secret', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')
const brokenOff = { ...noWork, unknown: 1, reasons: ['GET /chat (websocket): this side broke it off'] }

interface Upgraded {
  readonly resource: HttpServerResource
  readonly socket: Duplex
  readonly client: RawClient
  readonly gone: Promise<unknown>
}

/** An upgraded socket that is open when the stop begins, on which its client has said `said`. */
async function upgraded({ said = 'order 1', options = {} }: { readonly said?: string; readonly options?: HttpServerOptions } = {}): Promise<Upgraded> {
  const server = createServer()
  const resource = httpServer(server, options)
  const client = await rawClient(await serve(server))
  client.send(handshake)
  const [, socket] = (await once(server, 'upgrade')) as [unknown, Duplex]
  socket.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  await client.until(/101/)
  if (said !== '') {
    client.send(said)
    await once(socket, 'data')
  }
  socket.resume()
  resource.quiesce?.(quiesceContext)
  return { resource, socket, client, gone: new Promise((resolve) => socket.once('close', resolve)) }
}

// Catches: `clean`, with what the client had asked on it half done.
test('an upgraded socket that this side destroys is unknown: nobody can tell what was on it', async () => {
  const { resource, socket, gone } = await upgraded()
  socket.destroy()
  await gone
  expect(resource.tally?.()).toEqual(brokenOff)
})

test('… in whatever way: `terminate` of ws, in a lifecycle, whose stop is then not clean', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  lifecycle.add(httpServer(server))
  const port = await serve(server)
  await lifecycle.start()
  const asked = new Promise((resolve) => sockets.on('connection', (socket) => socket.on('message', resolve)))
  const client = new WebSocket(`ws://127.0.0.1:${port}/chat`)
  await once(client, 'open')
  client.send('order 1')
  await asked
  lifecycle.draining.addEventListener('abort', () => {
    for (const socket of sockets.clients) socket.terminate()
  })
  const { result, steps } = await lifecycle.stop()
  expect({ result, work: steps[0]?.work }).toEqual({ result: 'unknown', work: brokenOff })
})

test('… by closeUpgraded of the application, and by the default one, where another stream is piped into it', async () => {
  const own = await upgraded({ options: { closeUpgraded: (socket) => void socket.destroy() } })
  await own.resource.drain(drainContext())
  expect(own.resource.tally?.()).toEqual(brokenOff)

  const upstream = createServer()
  const port = await serve(upstream)
  const proxied = await upgraded()
  connect(port, '127.0.0.1').pipe(proxied.socket)
  await proxied.resource.drain(drainContext())
  expect(proxied.resource.tally?.()).toEqual(brokenOff)
})

test('with an error of its own it has failed', async () => {
  const { resource, socket, gone } = await upgraded()
  socket.destroy(new Error('boom'))
  await gone
  expect(resource.tally?.()).toEqual({ ...noWork, failed: 1, reasons: [expect.stringMatching(/^GET \/chat \(websocket\): boom/)] })
})

test('one that this side has ended, with all that it had written, is done; whoever closes the connection then', async () => {
  const { resource, socket, client, gone } = await upgraded()
  socket.end('bye')
  await client.until(/bye$/)
  expect(await client.ended).toBe('end')
  socket.destroy()
  await gone
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test('one that lets the goodbye pass has got everything, and is done', async () => {
  const { resource } = await upgraded({ options: { unbegunGraceMs: 20 } })
  await resource.drain(drainContext())
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test('one that its client resets is neither: it gave up what was still to come', async () => {
  const { resource, client, gone } = await upgraded()
  client.socket.resetAndDestroy()
  await gone
  expect(resource.tally?.()).toEqual(noWork)
})

// Catches: a FIN that is taken for a goodbye. Whoever sends it may still wait for what comes back through the tunnel.
test('one whose client has only ended its side, and that this side destroys, is unknown', async () => {
  const { resource, socket, client, gone } = await upgraded()
  const ended = once(socket, 'end')
  client.socket.end()
  await ended
  socket.destroy()
  await gone
  expect(resource.tally?.()).toEqual(brokenOff)
})

test('one on which its client has said nothing is done when it is destroyed: a refused handshake, or a stream of events', async () => {
  const { resource, socket, gone } = await upgraded({ said: '' })
  socket.destroy()
  await gone
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test('an upgrade that nobody has answered is not counted: nothing was promised', async () => {
  const server = createServer()
  const resource = httpServer(server, { unbegunGraceMs: 20 })
  server.on('upgrade', () => {})
  const client = await rawClient(await serve(server))
  client.send(handshake)
  await once(server, 'upgrade')
  resource.quiesce?.(quiesceContext)
  await resource.drain(drainContext())
  expect(resource.tally?.()).toEqual(noWork)
})
