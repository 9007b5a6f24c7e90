import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient, type RawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

const goingAway = '\x88\x02\x03\xe9'
const upgrade = 'POST /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nab'

const uses: readonly [string, (client: RawClient) => Promise<unknown>][] = [
  ['on a new connection', async () => {}],
  ['on a connection that was used before', (client) => (client.send(get('/')), client.until(/ok$/))],
]

// Catches: taking what the `upgrade` listener is given for the socket. Since Node 26 it is a stream over it when the request has a body: the socket
// would be listed beside it, "active" or idle, and be ended or waited for without a goodbye.
test.each(uses)('an upgrade whose request has a body, %s, is named once, and told to go', async (_where, use) => {
  const server = createServer((_request, response) => void response.end('ok'))
  server.on('upgrade', (_request, stream: Duplex) => {
    stream.on('data', () => {}).on('error', () => {}).on('end', () => stream.end())
    stream.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  })
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  await use(client)
  const upgraded = once(server, 'upgrade') as Promise<[IncomingMessage, Duplex]>
  client.send(upgrade)
  const [{ socket }, stream] = await upgraded
  await client.until(/101 [^]*\r\n\r\n$/)
  expect(stream !== socket).toBe(Number(process.versions.node.split('.')[0]) >= 26)
  expect(resource.stats()).toMatchObject({ sockets: { unused: 0, receiving: 0, active: 0, idle: 0, upgraded: 1 }, inFlight: 1 })
  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^POST \/ws \(websocket\) \d+ ms/)])

  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  await client.until(new RegExp(`\r\n\r\n${goingAway}$`))
  expect(await within(50, drained)).toBe('pending')
  client.send('cde')
  client.socket.end()
  expect(await client.ended).toBe('end')
  expect(await within(2_000, drained)).toBeUndefined()
  expect(client.text().split(goingAway)).toHaveLength(2)
})

// Catches: giving it the socket below, which the application has never seen.
test('closeUpgraded is given what the application was given', async () => {
  const server = createServer()
  server.on('upgrade', (_request, stream: Duplex) => void stream.on('error', () => {}).write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
  const closed: [Duplex, string][] = []
  const resource = httpServer(server, { closeUpgraded: (stream, protocol) => (closed.push([stream, protocol]), stream.destroy()) })
  const client = await rawClient(await serve(server))
  const upgraded = once(server, 'upgrade') as Promise<[IncomingMessage, Duplex]>
  client.send(upgrade)
  const [, stream] = await upgraded
  await client.until(/101/)
  expect(await within(2_000, Promise.resolve(resource.drain(drainContext())))).toBeUndefined()
  expect(closed).toHaveLength(1)
  expect(closed[0]?.[0] === stream).toBe(true)
  expect(closed[0]?.[1]).toBe('websocket')
})
