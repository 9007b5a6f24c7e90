import { once, type EventEmitter } from 'node:events'
import { connect as connectHttp2, createServer, type ClientHttp2Stream, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream, type ServerStreamResponseOptions } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer, type HttpServerResource } from '../src/index.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { serve } from './support/serve.ts'

const noWork = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }
const failed = { failed: 1, reasons: [expect.stringMatching(/^GET \/orders: /)] }

function closed(emitter: EventEmitter): Promise<unknown> {
  return new Promise((resolve) => emitter.once('close', resolve))
}

interface Asked {
  readonly resource: HttpServerResource
  readonly stream: ServerHttp2Stream
  readonly client: ClientHttp2Stream
  readonly socket: Socket
}

/** A stream that its server has opened when the stop begins. */
async function asked(onStream: (stream: ServerHttp2Stream) => void, method: string = 'GET'): Promise<Asked> {
  const server = createServer()
  const resource = httpServer(server)
  server.on('stream', (stream: ServerHttp2Stream) => onStream(stream.on('error', () => {})))
  const socket = connect(await serve(server), '127.0.0.1').on('error', () => {})
  const session = connectHttp2('http://127.0.0.1', { createConnection: () => socket }).on('error', () => {})
  onTestFinished(() => session.destroy())
  resource.quiesce?.(quiesceContext)
  const opened = once(server, 'stream') as Promise<[ServerHttp2Stream]>
  const client = session.request({ ':path': '/orders', ':method': method }).on('error', () => {})
  const [stream] = await opened
  return { resource, stream, client, socket }
}

/** More than the client's window takes. */
const big = Buffer.alloc(1_000_000)
function answer(stream: ServerHttp2Stream, text: string, options?: ServerStreamResponseOptions): void {
  stream.respond({}, options)
  stream.end(text)
}
const answerWhole = (stream: ServerHttp2Stream): void => {
  stream.respond()
  stream.end(big)
}
const answerHalf = (stream: ServerHttp2Stream): void => {
  stream.respond()
  stream.write('half')
}

const ends: Record<string, { readonly end: (asked: Asked) => unknown; readonly whole: object; readonly half: object }> = {
  'is destroyed with an error': { end: ({ stream }) => stream.destroy(new Error('boom')), whole: failed, half: failed },
  'loses its session to somebody here': { end: ({ stream }) => stream.session?.destroy(), whole: failed, half: failed },
  'loses its connection to somebody here': { end: ({ stream }) => (stream.session?.socket.valueOf() as Socket | undefined)?.destroy(), whole: failed, half: failed },
  'is destroyed': { end: ({ stream }) => stream.destroy(), whole: { unknown: 1, reasons: ['GET /orders: it was closed before all of its answer was sent'] }, half: failed },
  'is cancelled by its client': { end: ({ client }) => client.close(8), whole: {}, half: {} },
  'loses its client': { end: ({ client }) => client.session?.destroy(), whole: {}, half: {} },
  'is reset with its connection': { end: ({ socket }) => socket.resetAndDestroy(), whole: {}, half: {} },
}

// Catches: to call done what has ended, and was never sent.
// Node tells of no `finish` where the request was read first: every such answer would be in doubt, as they were under load.
test.each<[string, (stream: ServerHttp2Stream) => void]>([
  [
    'is written in parts',
    (stream) => {
      answerHalf(stream.resume())
      setImmediate(() => stream.end('the other half'))
    },
  ],
  ['is written when the request has been read', (stream) => stream.resume().once('end', () => setImmediate(answer, stream, 'all'))],
  ['is larger than the window', (stream) => stream.resume().once('end', () => answerWhole(stream))],
  [
    'has trailers',
    (stream) => {
      stream.resume().once('wantTrailers', () => stream.sendTrailers({ sum: '1' }))
      answer(stream, 'all', { waitForTrailers: true })
    },
  ],
  ['is nothing but a head', (stream) => stream.resume().once('end', () => stream.respond({ ':status': 204 }, { endStream: true }))],
])('an answer that %s is done when its client has all of it', async (_how, onStream) => {
  const { resource, stream, client } = await asked(onStream)
  await Promise.all([closed(stream), closed(client.resume())])
  expect(client.rstCode).toBe(0)
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test.each(Object.keys(ends))('a stream whose answer has ended, and is being sent, and that %s', async (name) => {
  const { end, whole } = ends[name] as (typeof ends)[string]
  const each = await asked(answerWhole)
  await once(each.client, 'response')
  const gone = closed(each.stream)
  end(each)
  await gone
  expect(each.resource.tally?.()).toEqual({ ...noWork, ...whole })
})

test.each(Object.keys(ends))('a stream whose answer has not ended, and that %s', async (name) => {
  const { end, half } = ends[name] as (typeof ends)[string]
  const each = await asked(answerHalf)
  await once(each.client, 'response')
  const gone = closed(each.stream)
  end(each)
  await gone
  expect(each.resource.tally?.()).toEqual({ ...noWork, ...half })
  expect(await within(3_000, Promise.resolve(each.resource.drain(drainContext())))).toBeUndefined()
})

const answers: Record<string, { readonly method?: string; readonly answer: (stream: ServerHttp2Stream) => unknown }> = {
  'a body': { answer: answerWhole },
  'no body': { answer: (stream) => stream.respond({ ':status': 204 }, { endStream: true }) },
  'the head alone, to HEAD': { method: 'HEAD', answer: (stream) => stream.respond() },
  'a file': { answer: (stream) => stream.respondWithFile(fileURLToPath(import.meta.url)) },
  trailers: {
    answer(stream) {
      stream.on('wantTrailers', () => stream.sendTrailers({ sum: '1' }))
      stream.respond({}, { waitForTrailers: true })
      stream.end('ok')
    },
  },
  'a refusal while the body arrives': { method: 'POST', answer: (stream) => (stream.respond({ ':status': 413 }), stream.end('too big')) },
}

test.each(Object.keys(answers))('a stream that is answered by %s is done', async (name) => {
  const { method, answer } = answers[name] as (typeof answers)[string]
  const { resource, stream, client } = await asked(answer, method)
  const gone = closed(stream)
  client.resume().end()
  await gone
  expect(resource.tally?.()).toEqual({ ...noWork, done: 1 })
})

test('… also through the compatible API', async () => {
  const server = createServer((_request: Http2ServerRequest, response: Http2ServerResponse) => void response.end('ok'))
  const resource = httpServer(server)
  const session = connectHttp2(`http://127.0.0.1:${await serve(server)}`)
  onTestFinished(() => session.destroy())
  resource.quiesce?.(quiesceContext)
  const client = session.request({ ':path': '/' })
  client.resume()
  await closed(client)
  await expect.poll(() => resource.tally?.()).toEqual({ ...noWork, done: 1 })
})
