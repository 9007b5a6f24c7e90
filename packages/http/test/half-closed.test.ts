import { once, type EventEmitter } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { httpServer, type HttpServerResource } from '../src/index.ts'
import { drainContext, quiesceContext } from './support/context.ts'
import { get, rawClient, stalled, type RawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

const noWork = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

/*
 * A client that has sent its FIN behind its request (`nc -N`, some proxies) may still read. Node ends the connection of such a client at
 * once, without the answer, unless `server.httpAllowHalfOpen` is set, which no documentation knows, and some servers for such clients set.
 */
function halfOpen(server: Server): Server {
  return Object.assign(server, { httpAllowHalfOpen: true })
}

/** A request behind which its client has ended its side, and the server has heard that. */
async function halfClosed(server: Server): Promise<{ resource: HttpServerResource; client: RawClient; response: ServerResponse }> {
  const resource = httpServer(server)
  const client = await rawClient(await serve(server), { allowHalfOpen: true })
  const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>
  client.send(get('/orders'))
  const [, response] = await asked
  response.on('error', () => {})
  const heard = once(response.req.socket, 'end')
  client.socket.end()
  await heard
  resource.quiesce?.(quiesceContext)
  return { resource, client, response }
}

function closed(emitter: EventEmitter): Promise<unknown> {
  return new Promise((resolve) => emitter.once('close', resolve))
}

test('where Node serves half-closed clients, one gets its answer in the drain, which is done', async () => {
  const { resource, client, response } = await halfClosed(halfOpen(createServer(() => {})))
  const drained = Promise.resolve(resource.drain(drainContext()))
  response.end('ok')
  expect(await client.until(/ok$/)).toMatch(/^HTTP\/1.1 200/)
  await drained
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

// Catches: `clean`, with a client that waits for the rest of its answer.
test.each(['nothing', 'half'])('… and when this side breaks the answer off, with %s of it sent, it has failed', async (sent) => {
  const { resource, response } = await halfClosed(halfOpen(createServer((_request, answer) => void (sent === 'half' && answer.write('begun')))))
  const gone = closed(response.req.socket)
  response.destroy()
  await gone
  expect(resource.tally?.()).toMatchObject({ done: 0, failed: 1, unknown: 0, reasons: [expect.stringMatching(/^GET \/orders: /)] })
})

test('… and by the end of the connection alone', async () => {
  const { resource, client, response } = await halfClosed(halfOpen(createServer(() => {})))
  const gone = closed(response.req.socket)
  response.req.socket.end()
  expect(await client.ended).toBe('end')
  await gone
  expect(resource.tally?.()).toMatchObject({ done: 0, failed: 1 })
})

// Node flushes what has been written before it closes the connection, and the client reads it.
test('an answer that was being sent when the FIN came is delivered, and done', async () => {
  const size = 16_000_000
  const server = createServer((_request, response) => void response.end(Buffer.alloc(size)))
  const { resource, client } = await paused(server)
  const reading = client.resume()
  await resource.drain(drainContext())
  expect(await reading).toBeGreaterThan(size)
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test('… and has failed when this side breaks it off meanwhile', async () => {
  const server = createServer((_request, response) => void response.end(Buffer.alloc(16_000_000)))
  const { resource, response } = await paused(server)
  const gone = closed(response.req.socket)
  response.req.socket.destroy()
  await gone
  expect(resource.tally?.()).toMatchObject({ done: 0, failed: 1 })
})

// Catches: Node's `finish`, which comes for such an answer, too.
test.each(['its end', 'a time-out of the socket'])('an answer that is being sent to a client that reads on has failed when this side breaks it off, by %s', async (how) => {
  const server = createServer((_request, response) => void response.end(Buffer.alloc(16_000_000)))
  const resource = httpServer(server)
  const { socket } = await rawClient(await serve(server))
  stalled(socket)
  const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>
  socket.write(get('/orders'))
  const [, response] = await asked
  resource.quiesce?.(quiesceContext)
  const gone = closed(response.req.socket)
  if (how === 'its end') response.req.socket.destroy()
  else response.req.socket.setTimeout(20)
  await gone
  expect(resource.tally?.()).toMatchObject({ done: 0, failed: 1, reasons: [expect.stringMatching(/^GET \/orders: /)] })
})

/** As `halfClosed`, with a client that does not read yet. */
async function paused(server: Server): Promise<{ resource: HttpServerResource; client: ReturnType<typeof stalled>; response: ServerResponse }> {
  const resource = httpServer(server)
  const { socket } = await rawClient(await serve(server), { allowHalfOpen: true })
  const client = stalled(socket)
  const asked = once(server, 'request') as Promise<[unknown, ServerResponse]>
  socket.write(get('/orders'))
  const [, response] = await asked
  const heard = once(response.req.socket, 'end')
  socket.end()
  await heard
  resource.quiesce?.(quiesceContext)
  return { resource, client, response }
}
