import { once } from 'node:events'
import { expect, test } from 'vitest'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { done, rawOf, room, soonMs, type Room, type RoomInput } from './support/room.ts'

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
