import type { Socket } from 'node:net'
import { createServer, type Server } from 'node:http'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient, type RawClient } from './support/raw-client.ts'
import { plainClose, serve } from './support/serve.ts'

const head = get('/2', 'Cookie: in two parts\r\n')
const half = head.slice(0, head.indexOf('two'))
const rest = head.slice(half.length)

// Catches: telling half a request by what has arrived since the signal. What had come before is then taken for nothing, and the connection
// for an idle one.
test('half a head that has come before the signal, on a connection that was used before, is waited for and answered', async () => {
  const server = createServer((request, response) => void response.end(`this is ${request.url}`))
  const resource = httpServer(server)
  const { client, idle } = await sendHalf(server)
  resource.quiesce?.(quiesceContext)
  const drained = Promise.resolve(resource.drain(drainContext()))
  // The sweep is over: it has come to the one that was opened last.
  expect(await idle.ended).toBe('end')
  expect(resource.stats()).toMatchObject({ sockets: { receiving: 1, idle: 0 } })
  expect(await within(50, drained)).toBe('pending')
  client.send(rest)

  expect(await client.until(/this is \/2$/)).toMatch(/connection: close[^]*this is \/2$/i)
  expect(await client.ended).toBe('end')
  expect(await within(2_000, drained)).toBeUndefined()
})

test('server.close() answers it too, and then waits for the client', async () => {
  const server = createServer((request, response) => void response.end(`this is ${request.url}`))
  const { client, idle } = await sendHalf(server)
  const closed = plainClose(server)
  expect(await idle.ended).toBe('end')
  client.send(rest)

  expect(await client.until(/this is \/2$/)).toMatch(/connection: keep-alive[^]*this is \/2$/i)
  expect(await within(100, closed)).toBe('pending')
})

/** A connection with one request answered and half of the next one with the server, and then an idle one. */
async function sendHalf(server: Server): Promise<{ readonly client: RawClient; readonly idle: RawClient }> {
  const accepted: Socket[] = []
  server.on('connection', (socket) => accepted.push(socket))
  const port = await serve(server)
  const client = await rawClient(port)
  client.send(get('/1'))
  await client.until(/this is \/1$/)
  client.send(half)
  await expect.poll(() => accepted[0]?.bytesRead).toBe(get('/1').length + half.length)
  const idle = await rawClient(port)
  idle.send(get('/1'))
  await idle.until(/this is \/1$/)
  return { client, idle }
}
