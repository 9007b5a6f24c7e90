import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createSecureServer, createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { connect as connectTls } from 'node:tls'
import { PassThrough, pipeline, type Readable, type Writable } from 'node:stream'
import { createLifecycle } from '@lameduck/core'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer, type DrainableServer, type HttpServerResource } from '../src/index.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, quiesceContext } from './support/context.ts'
import { rawClient, watch } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

const noWork = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }
const inDoubt = { ...noWork, unknown: 1, reasons: [expect.stringMatching(/^POST \/orders: .*, and its handler had not ended$/)] }

/** An answer of either kind, as a handler sees it. */
interface Answer {
  readonly head: (headers: OutgoingHttpHeaders) => void
  readonly to: Writable
}
type Handle = (answer: Answer) => unknown

const overHttp1 = (handle: Handle) => (request: IncomingMessage, response: ServerResponse) => whenRead(request, { head: (headers) => void response.writeHead(200, headers), to: response }, handle)
const overHttp2 = (handle: Handle) => (request: Http2ServerRequest, response: Http2ServerResponse) => whenRead(request, { head: (headers) => void response.writeHead(200, headers), to: response }, handle)
const onStream = (handle: Handle) => (stream: ServerHttp2Stream) => whenRead(stream, { head: (headers) => stream.respond({ ':status': 200, ...headers }), to: stream }, handle)

/** The request is all there. */
function whenRead(request: Readable, answer: Answer, handle: Handle): void {
  answer.to.on('error', () => {})
  request.resume().on('end', () => handle(answer))
}

const protocols: Record<string, (handle: Handle) => DrainableServer> = {
  'HTTP/1': (handle) => createServer(overHttp1(handle)),
  'HTTP/1 over TLS': (handle) => createHttpsServer({ key, cert }, overHttp1(handle)),
  'HTTP/2, responses': (handle) => createHttp2Server(overHttp2(handle)),
  'HTTP/2, streams': (handle) => createHttp2Server().on('stream', onStream(handle)),
  'HTTP/2, streams over TLS': (handle) => createSecureServer({ key, cert }).on('stream', onStream(handle)),
}

interface Left {
  readonly resource: HttpServerResource
  readonly answer: Answer
}

/** A request whose client goes when it has got some of its answer, as the server has noticed. */
async function left(protocol: string, when: 'before' | 'during', handle: Handle = begin, { method = 'POST', breakOff }: { readonly method?: string; readonly breakOff?: (answer: Answer) => void } = {}): Promise<Left> {
  let answer: Answer | undefined
  const server = (protocols[protocol] as (handle: Handle) => DrainableServer)((each) => {
    answer = each
    handle(each)
  })
  const resource = httpServer(server)
  const closed = new Promise((resolve) => 
    server.on(protocol.startsWith('HTTP/2') ? 'stream' : 'request', (on: ServerHttp2Stream | IncomingMessage) => void ('socket' in on ? on.socket : on).once('close', resolve)),
  )
  const leave = await (protocol.startsWith('HTTP/2') ? askHttp2 : ask)(await serve(server), method, protocol.endsWith('TLS'))
  if (when === 'during') resource.quiesce?.(quiesceContext)
  if (!answer) throw new Error('no handler was called')
  if (breakOff) breakOff(answer)
  else leave()
  await closed
  // Its listeners have all been told.
  await new Promise(setImmediate)
  if (when === 'before') resource.quiesce?.(quiesceContext)
  return { resource, answer }
}

async function ask(port: number, method: string, secure: boolean): Promise<() => void> {
  const client = secure ? watch(connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })) : await rawClient(port)
  client.send(`${method} /orders HTTP/1.1\r\nHost: a\r\n${method === 'POST' ? 'Content-Length: 2\r\n\r\nok' : '\r\n'}`)
  await client.until(/begun/)
  return () => void client.socket.destroy()
}

async function askHttp2(port: number, method: string, secure: boolean): Promise<() => void> {
  const session = connect(`${secure ? 'https' : 'http'}://localhost:${port}`, { ca: cert })
  onTestFinished(() => session.destroy())
  const stream = session.request({ ':method': method, ':path': '/orders' })
  stream.on('error', () => {}).end(method === 'POST' ? 'ok' : undefined)
  await once(stream, 'data')
  return () => stream.close(8)
}

/** The rest follows when its work is done. */
function begin({ head, to }: Answer): void {
  head({})
  to.write('begun')
}

const moments = ['before', 'during'] as const
const cases = Object.keys(protocols).flatMap((protocol) => moments.map((when) => [protocol, when] as const))

// Catches: `clean`, with a row half written for a client that had read "10 %".
test.each(cases)('%s: a handler whose client left in the middle of its answer, %s the stop, is unknown until it ends that', async (protocol, when) => {
  const { resource, answer } = await left(protocol, when)
  await resource.drain(drainContext())
  expect(resource.tally?.()).toEqual(inDoubt)
  answer.to.end()
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test.each(cases)('%s: … and no more when it ends with its client, %s the stop', async (protocol, when) => {
  const { resource } = await left(protocol, when, ({ head, to }) => {
    head({})
    to.write('begun')
    to.on('close', () => void to.end())
  })
  expect(resource.tally?.()).toMatchObject({ failed: 0, unknown: 0 })
})

/** The ways of an answer that its client leaves as it likes. */
const streams: Record<string, { readonly method?: string; readonly handle: Handle }> = {
  'an event stream': { handle: (answer) => (answer.head({ 'content-type': 'text/event-stream' }), answer.to.write('data: begun\n\n')) },
  'a call of gRPC that answers in parts': { handle: (answer) => (answer.head({ 'content-type': 'application/grpc+proto' }), answer.to.write('begun')) },
  'an answer to GET': { method: 'GET', handle: begin },
  'a stream that is piped': { handle: ({ head, to }) => (head({}), source().pipe(to)) },
  'a stream of pipeline()': { handle: ({ head, to }) => (head({}), pipeline(source(), to, () => {})) },
}

/** It has no end. */
function source(): Readable {
  const through = new PassThrough()
  through.write('begun')
  return through
}

const quiet = cases.flatMap(([protocol, when]) => Object.keys(streams).map((name) => [protocol, name, when] as const))

// Catches: a stop that is unknown whenever a download was given up.
test.each(quiet)('%s: %s that its client leaves %s the stop is not counted', async (protocol, name, when) => {
  const { handle, method } = streams[name] as (typeof streams)[string]
  const { resource } = await left(protocol, when, handle, method === undefined ? {} : { method })
  expect(resource.tally?.()).toMatchObject({ failed: 0, unknown: 0, reasons: [] })
})

test.each(cases)('%s: a handler that goes on behind a stream has its answer to end: its client left %s the stop', async (protocol, when) => {
  const { resource, answer } = await left(protocol, when, ({ head, to }) => {
    head({})
    const first = new PassThrough()
    first.on('end', () => void to.write('begun'))
    first.pipe(to, { end: false })
    first.end('...')
  })
  expect(resource.tally?.()).toEqual(inDoubt)
  answer.to.end()
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

// Who breaks it off in its middle has ended it, and its client can tell.
test.each(Object.keys(protocols).flatMap((protocol) => [undefined, new Error('boom')].map((error) => [protocol, error] as const)))(
  '%s: an answer that this side broke off before the stop is not counted: destroy(%s)',
  async (protocol, error) => {
    const { resource } = await left(protocol, 'before', begin, { breakOff: ({ to }) => void to.destroy(error) })
    expect(resource.tally?.()).toEqual(noWork)
  },
)

test('in a lifecycle, the stop is unknown', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const server = createServer(overHttp1(begin))
  lifecycle.add(httpServer(server))
  const port = await serve(server)
  await lifecycle.start()
  const leave = await ask(port, 'POST', false)
  lifecycle.draining.addEventListener('abort', leave)
  const { result, steps } = await lifecycle.stop()
  expect({ result, work: steps[0]?.work }).toEqual({ result: 'unknown', work: inDoubt })
})
