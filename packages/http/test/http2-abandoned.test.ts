import { once, type EventEmitter } from 'node:events'
import { connect, createSecureServer, createServer, type ClientHttp2Session, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createLifecycle } from '@lameduck/core'
import { expect, onTestFinished, test } from 'vitest'
import { handlerEnded, httpServer, type DrainableServer, type HttpServerResource } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, quiesceContext } from './support/context.ts'
import { gate, serve } from './support/serve.ts'

const noWork = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }
const abandoned = { ...noWork, unknown: 1, reasons: ['POST /orders: its stream was closed, and its handler had not ended'] }

type Handler = (stream: ServerHttp2Stream, response: Http2ServerResponse | undefined) => unknown
type Make = (handler: Handler) => DrainableServer

const servers: Record<string, Make> = {
  'createServer, request': (handler) => createServer((request: Http2ServerRequest, response: Http2ServerResponse) => void handler(request.stream, response)),
  'createServer, stream': (handler) => createServer().on('stream', (stream: ServerHttp2Stream) => void handler(stream, undefined)),
  'createSecureServer, request': (handler) => createSecureServer({ key, cert }, (request: Http2ServerRequest, response: Http2ServerResponse) => void handler(request.stream, response)),
  'createSecureServer, stream': (handler) => createSecureServer({ key, cert }).on('stream', (stream: ServerHttp2Stream) => void handler(stream, undefined)),
}

/** As handlers do that do not look whether anybody still listens. */
const answer: Handler = (stream, response) => {
  if (response) return response.end('paid')
  // It throws where the stream is gone, which such a handler learns here.
  try {
    stream.respond()
  } catch {
    return undefined
  }
  return stream.end('paid')
}

interface Ordered {
  readonly resource: HttpServerResource
  readonly stream: ServerHttp2Stream
  readonly session: ClientHttp2Session
  readonly cancel: (code: number) => void
  readonly gone: Promise<unknown>
}

/** An order that is at work when the stop begins. */
async function ordered(make: Make, handler: Handler, body: 'whole' | 'half' | 'unread' = 'whole'): Promise<Ordered> {
  const server = make((stream, response) => {
    stream.on('error', () => {})
    if (body !== 'unread') stream.resume()
    void handler(stream, response)
  })
  const resource = httpServer(server)
  const opened = once(server, 'stream') as Promise<[ServerHttp2Stream]>
  const port = await serve(server)
  const session = connect('setSecureContext' in server ? `https://localhost:${port}` : `http://127.0.0.1:${port}`, { ca: cert }).on('error', () => {})
  onTestFinished(() => session.destroy())
  const client = session.request({ ':path': '/orders?token=secret', ':method': 'POST' }).on('error', () => {})
  if (body === 'half') client.write('half')
  else client.end('order')
  const [stream] = await opened
  if (body === 'whole') await once(stream, 'end')
  // Behind the body on the same connection.
  else await new Promise((resolve) => session.ping(resolve))
  resource.quiesce?.(quiesceContext)
  return { resource, stream, session, cancel: (code) => client.close(code), gone: closed(stream) }
}

function closed(emitter: EventEmitter): Promise<unknown> {
  return new Promise((resolve) => emitter.once('close', resolve))
}

const departures: Record<string, (ordered: Ordered) => unknown> = {
  'cancels it': ({ cancel }) => cancel(8),
  'closes it': ({ cancel }) => cancel(0),
  'ends its session': ({ session }) => session.destroy(),
  'is gone with its connection': ({ session }) => (session.socket.valueOf() as Socket).destroy(),
}

const cases = Object.keys(servers).flatMap((server) => Object.keys(departures).map((departure) => [server, departure] as const))

// Catches: `clean`, with a handler that was in the middle of its work when the pools were closed.
test.each(cases)('%s: an order whose client %s before anything was sent is unknown until its handler has ended the answer', async (server, departure) => {
  const due = gate()
  const each = await ordered(servers[server] as Make, async (...answered) => {
    await due.opened
    answer(...answered)
  })
  departures[departure]?.(each)
  await each.gone
  await each.resource.drain(drainContext())
  expect(each.resource.tally?.()).toEqual(abandoned)
  due.open()
  await expect.poll(() => each.resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test.each(Object.keys(servers))('%s: … and is not counted where its client had not sent all of it, which it gave up itself', async (server) => {
  const each = await ordered(servers[server] as Make, () => {}, 'half')
  each.session.destroy()
  await each.gone
  expect(each.resource.tally?.()).toEqual(noWork)
})

test.each(Object.keys(servers))('%s: … also where nobody has read its body', async (server) => {
  const each = await ordered(servers[server] as Make, () => {}, 'unread')
  each.cancel(8)
  await each.gone
  expect(each.resource.tally?.()).toEqual(abandoned)
})

test.each(['respond', 'end', 'respondWithFile'] as const)('with the API of streams, the first call of %s says that its handler has ended', async (method) => {
  const each = await ordered(servers['createServer, stream'] as Make, () => {})
  each.cancel(8)
  await each.gone
  // These tell nothing: listeners of `aborted` and `close` call them, beside a handler that goes on.
  each.stream.close()
  each.stream.destroy()
  expect(each.resource.tally?.()).toEqual(abandoned)
  try {
    if (method === 'respondWithFile') each.stream.respondWithFile(fileURLToPath(import.meta.url))
    else each.stream[method]()
  } catch {}
  expect(each.resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test.each(Object.keys(servers))('%s: what sits between server and handler can say so by handlerEnded()', async (server) => {
  const each = await ordered(servers[server] as Make, () => {})
  each.cancel(8)
  await each.gone
  expect(each.resource.tally?.()).toEqual(abandoned)
  handlerEnded(each.stream)
  expect(each.resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

// Catches: one unit that is in two counts, or in none, while handlers end after the step.
test('each of them is in one count at every moment, and the reason says how many there are', async () => {
  const { resource, stream, session, cancel, gone } = await ordered(servers['createServer, stream'] as Make, () => {})
  const { session: inner } = stream
  const opened = once(inner as EventEmitter, 'stream') as Promise<[ServerHttp2Stream]>
  session.request({ ':path': '/orders', ':method': 'POST' }).on('error', () => {}).end()
  const [second] = await opened
  const both = Promise.all([gone, closed(second)])
  cancel(8)
  session.destroy()
  await both
  expect(resource.tally?.()).toEqual({ ...noWork, unknown: 2, reasons: [`${abandoned.reasons[0]} (×2)`] })
  stream.end()
  expect(resource.tally?.()).toEqual({ ...abandoned, done: 1 })
  second.end()
  expect(resource.tally?.()).toEqual({ ...noWork, done: 2 })
})

test('in a lifecycle whose handler goes on while the pools close, the stop is unknown', async () => {
  const lifecycle = createLifecycle({ env: {} })
  let stream: ServerHttp2Stream | undefined
  const server = createServer().on('stream', (opened: ServerHttp2Stream) => (stream = opened.on('error', () => {})))
  lifecycle.add(httpServer(server))
  const session = connect(`http://127.0.0.1:${await serve(server)}`)
  onTestFinished(() => session.destroy())
  await lifecycle.start()
  const client = session.request({ ':path': '/orders', ':method': 'POST' }).on('error', () => {})
  client.end('order')
  await expect.poll(() => (stream as unknown as { _readableState?: { ended: boolean } } | undefined)?._readableState?.ended).toBe(true)
  lifecycle.draining.addEventListener('abort', () => client.close(8))
  const { result, steps } = await lifecycle.stop()
  expect({ result, work: steps[0]?.work }).toEqual({ result: 'unknown', work: abandoned })
})
