import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import type { Duplex, Writable } from 'node:stream'
import { createLifecycle } from '@lameduck/core'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { closeUpgraded, httpServer, type HttpServerOptions, type HttpServerResource } from '../src/index.ts'
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

interface UpgradedInput {
  readonly said?: string
  readonly options?: HttpServerOptions
  /** What the application does with it before the stop. @default nothing */
  readonly use?: (socket: Duplex) => Promise<unknown>
}

/** An upgraded socket that is open when the stop begins, on which its client has said `said`. */
async function upgraded({ said = 'order 1', options = {}, use = async () => {} }: UpgradedInput = {}): Promise<Upgraded> {
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
  await use(socket)
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

test('… by closeUpgraded of the application', async () => {
  const own = await upgraded({ options: { closeUpgraded: (socket) => void socket.destroy() } })
  await own.resource.drain(drainContext())
  expect(own.resource.tally?.()).toEqual(brokenOff)
})

/** A tunnel, or a proxied WebSocket, to a server that treats it as `behind` says. */
async function proxied(behind: (socket: Socket) => unknown, options: HttpServerOptions = { unbegunGraceMs: 100 }): Promise<Upgraded> {
  const upstream = createTcpServer((socket) => void behind(socket.on('error', () => {})))
  const port = await serve(upstream)
  const use = async (socket: Duplex): Promise<void> => {
    const back = connect(port, '127.0.0.1').on('error', () => {})
    socket.pipe(back).pipe(socket)
    await once(back, 'connect')
  }
  return upgraded({ options, use })
}

/** As fast as the other end takes it, until that is gone. */
function sendOn(socket: Writable): void {
  const again = (): void => void (socket.destroyed || socket.write('x', () => setImmediate(again)))
  again()
}

// Catches: a question of before the signal, which its upstream was to answer later, called done.
test('what another stream is piped into is unknown, also when it was destroyed in a still moment', async () => {
  const { resource } = await proxied((socket) => socket.resume())
  await resource.drain(drainContext())
  expect(resource.tally?.()).toEqual(brokenOff)
})

const moving: Record<string, { readonly behind: (socket: Socket) => unknown; readonly client: (client: RawClient) => unknown }> = {
  'its client sends': { behind: (socket) => socket.resume(), client: ({ socket }) => sendOn(socket) },
  'something is sent to its client': { behind: sendOn, client: () => {} },
  'its client does not take what is queued': { behind: (socket) => socket.write(Buffer.alloc(16_000_000)), client: ({ socket }) => socket.pause() },
  'its upstream does not take what is queued': { behind: (socket) => socket.pause(), client: ({ socket }) => socket.write(Buffer.alloc(16_000_000)) },
}

test.each(Object.keys(moving))('… and at the end of its time when %s', async (name) => {
  const { behind, client: act } = moving[name] as (typeof moving)[string]
  const { resource, client } = await proxied(behind, { unbegunGraceMs: 2_000 })
  act(client)
  const begunAt = performance.now()
  await resource.drain(drainContext())
  // A still one is destroyed after one second.
  expect(performance.now() - begunAt).toBeGreaterThan(1_900)
  expect(resource.tally?.()).toEqual(brokenOff)
})

// Catches: a question that is answered after a second and a half, broken off in the silence before.
test('… and what its client asks after the signal is waited for, however still it is', async () => {
  const { resource, client } = await proxied((socket) => socket.on('data', () => setTimeout(() => socket.write('answer'), 1_500)), {})
  client.send('question')
  await Promise.all([resource.drain(drainContext()), client.until(/answer/)])
})

test('… its still moment is waited for', async () => {
  const { resource, client } = await proxied((socket) => socket.on('data', (chunk) => socket.write(chunk)), {})
  const untilMs = performance.now() + 1_500
  client.socket.on('data', () => void (performance.now() < untilMs && client.send('again')))
  client.send('first')
  await resource.drain(drainContext())
  expect(performance.now()).toBeGreaterThan(untilMs)
})

test('… also where closeUpgraded of the application passes it on to that of lameduck', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const server = createServer()
  lifecycle.add(httpServer(server, { closeUpgraded: (socket, protocol) => closeUpgraded(socket, protocol) }))
  const port = await serve(server)
  await lifecycle.start()
  const upstream = createTcpServer((socket) => socket.pipe(socket))
  const upstreamPort = await serve(upstream)
  server.on('connect', (_request, socket: Socket) => {
    const back = connect(upstreamPort, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    socket.pipe(back).pipe(socket)
  })
  const client = await rawClient(port)
  client.send('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n')
  await client.until(/200/)
  client.send('hello')
  await client.until(/hello/)
  const { result, steps, tookMs } = await lifecycle.stop()
  expect({ result, work: steps[0]?.work }).toMatchObject({ result: 'unknown', work: { unknown: 1 } })
  expect(tookMs).toBeGreaterThan(1_000)
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
