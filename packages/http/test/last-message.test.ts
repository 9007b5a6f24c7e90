import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { trackedWork, type Tally } from '@lameduck/core'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer, type ServerOptions } from 'ws'
import { httpServer, trustUpgraded, type HttpServerOptions, type HttpServerResource } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

const noWork = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }
const done = { ...noWork, done: 1 }
const unanswered = { ...noWork, unknown: 1, reasons: ['GET /chat (websocket): its last message was not answered when it was closed'] }

/** Longer than a goodbye without a wait takes on a busy machine, shorter than the wait for an answer. */
const soonMs = 1_200

interface RoomInput {
  readonly options?: HttpServerOptions
  readonly ws?: ServerOptions
  readonly client?: object
  readonly path?: string
  readonly isTls?: boolean
  /** What the server does with a message. @default nothing: its handler never ends */
  readonly onMessage?: (socket: WebSocket, text: string) => unknown
}

interface Room {
  readonly resource: HttpServerResource
  readonly client: WebSocket
  /** The server's end. */
  readonly socket: WebSocket
  readonly port: number
  /** Texts that the client has received, and the code at the end. */
  readonly received: unknown[]
  /** Resolves when the server has heard the next message. */
  readonly heard: () => Promise<unknown>
  readonly stop: () => Promise<{ readonly tookMs: number; readonly work: Tally | undefined }>
}

async function room({ options, ws, client: clientOptions, path = '/chat', isTls = false, onMessage = () => {} }: RoomInput = {}): Promise<Room> {
  const server = isTls ? createTlsServer({ cert, key }) : createServer()
  const resource = httpServer(server, options)
  const sockets = new WebSocketServer({ server, ...ws })
  const port = await serve(server)
  const connected = once(sockets, 'connection') as Promise<[WebSocket]>
  const client = new WebSocket(`${isTls ? 'wss' : 'ws'}://127.0.0.1:${port}${path}`, { rejectUnauthorized: false, ...clientOptions })
  onTestFinished(() => client.terminate())
  const received: unknown[] = []
  client.on('message', (data) => received.push(String(data)))
  client.on('close', (code) => received.push(code))
  await once(client, 'open')
  const [socket] = await connected
  socket.on('message', (data) => void onMessage(socket, String(data)))
  return { resource, client, socket, port, received, heard: () => once(socket, 'message'), stop: () => stop(resource, client) }
}

async function stop(resource: HttpServerResource, client: WebSocket): Promise<{ readonly tookMs: number; readonly work: Tally | undefined }> {
  const closed = client.readyState === client.CLOSED ? undefined : once(client, 'close')
  const begunAt = performance.now()
  resource.quiesce?.(quiesceContext)
  await resource.drain(drainContext())
  const tookMs = performance.now() - begunAt
  await closed
  return { tookMs, work: resource.tally?.() }
}

// Catches: 1001 in the middle of a handler, whose answer then reaches nobody, with `clean` in the report.
test('a client that waits for an answer is told to go behind it', async () => {
  const due = gate()
  const { client, heard, stop: end, received } = await room({ onMessage: (socket, text) => due.opened.then(() => socket.send(`${text} is shipped`)) })
  client.send('order 1')
  await heard()
  const stopped = end()
  expect(await within(200, stopped)).toBe('pending')
  due.open()
  const { tookMs, work } = await stopped
  expect({ work, received }).toEqual({ work: done, received: ['order 1 is shipped', 1001] })
  expect(tookMs).toBeLessThan(soonMs)
})

test('… at the latest 2 s after its last message; without an answer it is unknown', async () => {
  const { client, heard, stop: end, received } = await room()
  client.send('order 1')
  await heard()
  const { tookMs, work } = await end()
  expect({ work, received }).toEqual({ work: unanswered, received: [1001] })
  expect(tookMs).toBeGreaterThan(1_500)
  expect(tookMs).toBeLessThan(3_500)
})

test('… and never longer than half of the time that is left', async () => {
  const { resource, client, heard } = await room()
  client.send('order 1')
  await heard()
  const closed = once(client, 'close')
  expect(await within(1_500, Promise.resolve(resource.drain(drainContext(1_000))))).toBeUndefined()
  expect((await closed)[0]).toBe(1001)
  expect(resource.tally?.()).toEqual(unanswered)
})

// Catches: one queue of goodbyes, in which a client that waits holds up those behind it.
test('the others are not held up by it', async () => {
  const { resource, client, heard, port } = await room()
  const other = new WebSocket(`ws://127.0.0.1:${port}/chat`)
  await once(other, 'open')
  client.send('order 1')
  await heard()
  const [told, waited] = [once(other, 'close'), once(client, 'close')]
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect((await told)[0]).toBe(1001)
  expect(client.readyState).toBe(client.OPEN)
  await Promise.all([waited, drained])
})

// Catches: goodbyes that wait for each other, or come all at once.
test('1,000 clients that have said nothing are told over a second, as before', async () => {
  const { resource, client, heard, port } = await room()
  const clients = await Promise.all(
    Array.from({ length: 1_000 }, async () => {
      const each = new WebSocket(`ws://127.0.0.1:${port}/chat`)
      await once(each, 'open')
      return each
    }),
  )
  const times: number[] = []
  const closed = clients.map(async (each) => {
    expect((await once(each, 'close'))[0]).toBe(1001)
    times.push(performance.now())
  })
  client.send('order 1')
  await heard()
  const waited = once(client, 'close')
  const drained = Promise.resolve(resource.drain(drainContext(30_000)))
  await Promise.all(closed)
  const spanMs = Math.max(...times) - Math.min(...times)
  expect(spanMs).toBeGreaterThan(800)
  expect(spanMs).toBeLessThan(1_900)
  await Promise.all([waited, drained])
  expect(resource.tally?.()).toEqual({ ...unanswered, done: 1_000 })
})

/** What a client has said, and the server has done, before the stop; none of it is a message that waits for an answer. */
const settled: Record<string, RoomInput & { readonly before: (room: Room) => unknown }> = {
  'has said nothing': { before: () => {} },
  'has its answer': {
    onMessage: (socket) => socket.send('!'),
    async before({ client }) {
      client.send('order 1')
      await once(client, 'message')
    },
  },
  'has been sent something since, as all others were': {
    async before({ client, socket, heard }) {
      client.send('hello')
      await heard()
      socket.send('somebody is here')
      await once(client, 'message')
    },
  },
  'has pinged': {
    async before({ client }) {
      client.ping('are you there?')
      await once(client, 'pong')
    },
  },
  'was pinged': {
    async before({ socket }) {
      socket.ping()
      await once(socket, 'pong')
      socket.ping('are you there?')
      await once(socket, 'pong')
    },
  },
  'answers the pings of tRPC': {
    async before({ client, socket, heard }) {
      socket.send('PING')
      await once(client, 'message')
      client.send('PONG')
      await heard()
    },
  },
  'answers the pings of engine.io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    async before({ client, socket, heard }) {
      socket.send('2')
      await once(client, 'message')
      client.send('3')
      await heard()
    },
  },
  'has ended a subscription of graphql-ws': {
    async before({ client, heard }) {
      client.send(JSON.stringify({ id: '8f0c1f4e-6f3a-4d6e-9a52-6a2c8f1a7b11', type: 'complete' }))
      await heard()
    },
  },
  'has its answer to a message in fragments': {
    onMessage: (socket, text) => socket.send(text),
    async before({ client }) {
      client.send('order ', { fin: false })
      client.ping('still there?')
      client.send('1', { fin: true })
      await once(client, 'message')
    },
  },
  'has its answer to a message of many chunks': {
    onMessage: (socket) => socket.send('!'),
    async before({ client }) {
      client.send(Buffer.alloc(3_000_000))
      client.send(Buffer.alloc(300))
      client.ping()
      await once(client, 'pong')
    },
  },
  'has its answers over permessage-deflate': {
    ws: { perMessageDeflate: { threshold: 0 } },
    client: { perMessageDeflate: { threshold: 0 } },
    onMessage: (socket, text) => socket.send(text),
    async before({ client }) {
      client.send('x'.repeat(5_000))
      await once(client, 'message')
    },
  },
  'has its answer over TLS': {
    isTls: true,
    onMessage: (socket, text) => socket.send(text),
    async before({ client }) {
      client.send('order 1')
      await once(client, 'message')
    },
  },
}

// Catches: two seconds for every client that has a heartbeat, or has said anything at all.
test.each(Object.keys(settled))('a client that %s is told at once, and done', async (name) => {
  const { before, ...input } = settled[name] as (typeof settled)[string]
  const its = await room(input)
  await before(its)
  const { tookMs, work } = await its.stop()
  expect(work).toEqual(done)
  expect(its.received.at(-1)).toBe(1001)
  expect(tookMs).toBeLessThan(soonMs)
})

/** What does not pass for an answer. */
const asking: Record<string, RoomInput & { readonly ask: (room: Room) => unknown }> = {
  'in fragments': {
    async ask({ client, heard }) {
      client.send('order ', { fin: false })
      client.ping('still there?')
      client.send('1', { fin: true })
      await heard()
    },
  },
  'in many chunks': {
    async ask({ client, heard }) {
      client.send(Buffer.alloc(3_000_000))
      await heard()
    },
  },
  'over permessage-deflate, with an answer of 1 MB': {
    ws: { perMessageDeflate: { threshold: 0 } },
    client: { perMessageDeflate: { threshold: 0 } },
    async ask({ client, heard }) {
      client.send('order 1')
      await heard()
    },
  },
  'over TLS': {
    isTls: true,
    async ask({ client, heard }) {
      client.send('order 1')
      await heard()
    },
  },
  'before it was pinged, and has pinged': {
    async ask({ client, socket, heard }) {
      client.send('order 1')
      await heard()
      socket.ping()
      await once(socket, 'pong')
      socket.ping('are you there?')
      await once(socket, 'pong')
      client.ping('and you?')
      await once(client, 'pong')
    },
  },
  'before it has answered a ping of tRPC': {
    async ask({ client, socket, heard }) {
      client.send('order 1')
      await heard()
      socket.send('PING')
      await once(client, 'message')
      client.send('PONG')
      await heard()
    },
  },
  'and a ping, in one chunk': {
    async ask({ client, socket, heard }) {
      const raw = rawOf(client)
      raw.cork()
      client.send('order 1')
      client.ping()
      raw.uncork()
      await heard()
      expect(socket.readyState).toBe(socket.OPEN)
    },
  },
  'to a server whose socket is paused for a while': {
    async ask({ client, socket, heard }) {
      socket.pause()
      client.send('order 1')
      setTimeout(() => socket.resume(), 50)
      await heard()
    },
  },
}

test.each(Object.keys(asking))('a message is waited for and doubted that has come %s', async (name) => {
  const { ask, ...input } = asking[name] as (typeof asking)[string]
  const its = await room(input)
  const { client, socket, resource, received } = its
  await ask(its)
  received.splice(0)
  const answer = 'x'.repeat(1_000_000)
  const closed = once(client, 'close')
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(100, drained)).toBe('pending')
  socket.send(answer)
  await Promise.all([drained, closed])
  expect([received[0] === answer, received[1]]).toEqual([true, 1001])
  expect(resource.tally?.()).toEqual(done)

  const other = await room(input)
  await ask(other)
  expect((await other.stop()).work).toMatchObject({ unknown: 1, reasons: [expect.stringContaining('its last message was not answered')] })
})

// Catches: a listener of our own that takes the first message away from an application which listens later.
test('a socket whose application is late to answer the upgrade loses no message, and is followed', async () => {
  const due = gate()
  const server = createServer()
  const resource = httpServer(server)
  const sockets = new WebSocketServer({ noServer: true })
  const texts: string[] = []
  server.on('upgrade', (request, socket, head) => {
    void due.opened.then(() => sockets.handleUpgrade(request, socket, head, (each) => each.on('message', (data) => texts.push(String(data)))))
  })
  const port = await serve(server)
  const client = new WebSocket(`ws://127.0.0.1:${port}/chat`)
  const upgraded = once(server, 'upgrade') as Promise<[unknown, Duplex]>
  const [, socket] = await upgraded
  expect(socket.readableFlowing).toBe(null)
  due.open()
  await once(client, 'open')
  client.send('order 1')
  await expect.poll(() => texts).toEqual(['order 1'])
  expect((await stop(resource, client)).work).toEqual(unanswered)
})

test('… also with a message that has come together with its request', async () => {
  const server = createServer()
  const resource = httpServer(server)
  const sockets = new WebSocketServer({ server })
  const asked = new Promise((resolve) => sockets.on('connection', (socket) => socket.on('message', (data) => resolve(String(data)))))
  const client = await rawClient(await serve(server))
  client.socket.write(Buffer.from(`${get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n')}\x81\x82\0\0\0\0hi`, 'latin1'))
  expect(await asked).toBe('hi')
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  await client.until(/\x88\x02\x03\xe9$/)
  client.socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]))
  await drained
  expect(resource.tally?.()).toEqual(unanswered)
})

const rawOf = (socket: WebSocket): Socket => (socket as unknown as { readonly _socket: Socket })._socket

// Catches: a handler whose client has gone taken for one that is over; http's requests have the same rule.
test.each(['close', 'terminate', 'reset'] as const)('a client that leaves in the drain before its answer is unknown as well: %s', async (how) => {
  const { resource, client, heard, socket } = await room()
  client.send('order 1')
  await heard()
  resource.quiesce?.(quiesceContext)
  const closed = new Promise((resolve) => rawOf(socket).on('close', resolve))
  socket.on('error', () => {})
  if (how === 'reset') rawOf(client).resetAndDestroy()
  else client[how]()
  await closed
  await expect.poll(() => resource.tally?.()).toEqual(unanswered)
})

test('an answer that comes behind the 1001 says at least that the work is over', async () => {
  const { resource, client, heard, socket } = await room({ client: { autoPong: false } })
  client.send('order 1')
  await heard()
  // It answers the close frame when it is read.
  client.pause()
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext(2_000)))
  const raw = rawOf(socket)
  const before = raw.bytesWritten
  await expect.poll(() => raw.bytesWritten, { timeout: 3_000 }).toBe(before + 4)
  socket.send('shipped')
  client.resume()
  await drained
  expect(resource.tally?.()).toEqual(done)
})

// Catches: telemetry that is never answered, and makes every stop unknown and 2 s longer.
test('with upgradedWork nothing is doubted, and all are told when it is idle', async () => {
  const work = trackedWork('messages')
  const due = gate()
  const { resource, client, heard, received } = await room({ options: { upgradedWork: work }, onMessage: (socket) => work.run(() => due.opened.then(() => socket.send('shipped'))) })
  client.send('order 1')
  await heard()
  const stopped = stop(resource, client)
  expect(await within(2_300, stopped)).toBe('pending')
  due.open()
  expect((await stopped).work).toEqual(done)
  expect(received).toEqual(['shipped', 1001])

  const oneWay = await room({ options: { upgradedWork: work } })
  oneWay.client.send('21.5 °C')
  await oneWay.heard()
  const { tookMs, work: counted } = await oneWay.stop()
  expect(counted).toEqual(done)
  expect(tookMs).toBeLessThan(soonMs)
})

test('… at the latest after half of the time; also those that come late', async () => {
  const work = trackedWork('messages')
  const { resource, client, heard, port } = await room({ options: { upgradedWork: work }, onMessage: () => work.run(() => new Promise<void>(() => {})) })
  client.send('order 1')
  await heard()
  const other = new WebSocket(`ws://127.0.0.1:${port}/chat`)
  const closed = Promise.all([once(client, 'close'), once(other, 'close')])
  await once(other, 'upgrade')
  expect(await within(2_000, Promise.resolve(resource.drain(drainContext(1_000))))).toBeUndefined()
  expect((await closed).map(([code]) => code as number)).toEqual([1001, 1001])
})

test('upgradedWork that cannot say what it has in hand is refused at once', () => {
  for (const upgradedWork of [null, 'work', {}, { count: 1, begunBefore: () => 0 }]) {
    expect(() => httpServer(createServer(), { upgradedWork: upgradedWork as never })).toThrow(/upgradedWork must say what it has in hand, as what trackedWork\(\) returns does; it is /)
  }
})

test('what an adapter knows is neither waited for nor doubted', async () => {
  const { client, heard, socket, stop: end } = await room()
  trustUpgraded(rawOf(socket))
  client.send('order 1')
  await heard()
  const { tookMs, work } = await end()
  expect(work).toEqual(done)
  expect(tookMs).toBeLessThan(soonMs)
})
