import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { httpServer, trustUpgraded } from '../src/index.ts'
import { drainContext, forceContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { done, goingAway, rawOf, room, soonMs, stop, textOf, unanswered } from './support/room.ts'
import { gate, serve } from './support/serve.ts'

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

// Catches: a listener of our own that takes the first message away from an application which listens later.
test('a socket whose application is late to answer the upgrade loses no message, and is followed', async () => {
  const due = gate()
  const server = createServer()
  const resource = httpServer(server)
  const sockets = new WebSocketServer({ noServer: true })
  const texts: string[] = []
  server.on('upgrade', (request, socket, head) => {
    void due.opened.then(() => sockets.handleUpgrade(request, socket, head, (each) => each.on('message', (data) => texts.push(textOf(data)))))
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
  const asked = new Promise((resolve) => sockets.on('connection', (socket) => socket.on('message', (data) => resolve(textOf(data)))))
  const client = await rawClient(await serve(server))
  client.socket.write(Buffer.from(`${get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n')}\x81\x82\0\0\0\0hi`, 'latin1'))
  expect(await asked).toBe('hi')
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  await client.until(new RegExp(`${goingAway}$`))
  client.socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]))
  await drained
  expect(resource.tally?.()).toEqual(unanswered)
})

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

test('one that is cut at the deadline is cut, and not unknown besides', async () => {
  const { resource, client, heard } = await room()
  client.send('order 1')
  await heard()
  client.pause()
  const closed = once(client, 'close')
  resource.quiesce?.(quiesceContext)
  const context = drainContext()
  const drained = Promise.resolve(resource.drain(context))
  expect(await within(50, drained)).toBe('pending')
  context.cut()
  await resource.force?.(forceContext)
  await drained
  client.resume()
  await closed
  expect(resource.tally?.()).toEqual({ ...unanswered, unknown: 0, cut: 1, reasons: [] })
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

// Catches: a client that is forgotten with its connection, while the handler of its message is at work.
test.each(['close', 'terminate'] as const)('one whose client has left before the signal without an answer is unknown (%s)', async (how) => {
  const { resource, client, socket, heard } = await room()
  client.send('order 1')
  await heard()
  const left = once(socket, 'close')
  client[how]()
  await left
  resource.quiesce?.(quiesceContext)
  await resource.drain(drainContext())
  expect(resource.tally?.()).toEqual(unanswered)
})

test('… and with its answer it is none', async () => {
  const { resource, client, socket } = await room({ onMessage: (each, text) => each.send(`${text} is shipped`) })
  client.send('order 1')
  await once(client, 'message')
  const left = once(socket, 'close')
  client.close()
  await left
  resource.quiesce?.(quiesceContext)
  await resource.drain(drainContext())
  expect(resource.tally?.()).toMatchObject({ done: 0, unknown: 0 })
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
