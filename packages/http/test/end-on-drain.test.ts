import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server, type ClientHttp2Stream, type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Stream } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import { connect as connectTls } from 'node:tls'
import { createLifecycle, LifecycleError } from '@lameduck/core'
import { expect, onTestFinished, test } from 'vitest'
import { endOnDrain, httpServer, type HttpServerResource } from '../src/index.ts'
import { longAnswersOf } from '../src/lib/long-answers.ts'
import { cert, key } from './support/certificate.ts'
import { drainContext, quiesceContext, within } from './support/context.ts'
import { get, rawClient, watch } from './support/raw-client.ts'
import { gate, serve } from './support/serve.ts'

const bye = 'event: bye\ndata:\n\n'
const events: RequestListener = (_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: hello\n\n')
  endOnDrain(response, bye)
}

/** How many long answers the server would end now. */
function waitingOn(server: object): number {
  const taken = longAnswersOf(server)?.take(() => {})
  taken?.end()
  const all = taken?.all ?? []
  for (const say of all) longAnswersOf(server)?.add(say)
  return all.length
}

// Catches: ending streams at the signal: the browser reconnects to the same replica, since nobody else has heard of the stop yet.
test('an event stream ends with its last event when the lame duck is over, and not before', async () => {
  const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 9_000, lameDuck: { minMs: 300, quietMs: 0, maxMs: 300 } } })
  const server = createServer(events)
  lifecycle.add(httpServer(server))
  const client = await rawClient(await serve(server))
  await lifecycle.start()
  client.send(get('/'))
  await client.until(/hello/)
  const stopped = lifecycle.stop()
  let early = client.text()
  lifecycle.draining.addEventListener('abort', () => (early = client.text()))
  const report = await stopped
  expect(early).not.toContain('bye')
  expect(await client.until(/event: bye\ndata:\n\n\r\n0\r\n\r\n$/)).toContain('hello')
  expect(report).toMatchObject({ result: 'clean' })
  expect(report.steps.find(({ name }) => name === 'http')).toMatchObject({ outcome: 'drained', work: { done: 1, failed: 0 } })
})

// Catches: one listener per client on a signal that lives as long as the process.
test('nothing is kept of clients that have left, or of answers that have ended', async () => {
  const server = createServer((request, response) => {
    events(request, response)
    if (request.url === '/short') response.end()
  })
  httpServer(server)
  const port = await serve(server)
  const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(port)))
  for (const client of clients) client.send(get('/'))
  await Promise.all(clients.map((client) => client.until(/hello/)))
  expect(waitingOn(server)).toBe(20)
  for (const client of clients.slice(1)) client.socket.destroy()
  await expect.poll(() => waitingOn(server)).toBe(1)
  const short = await rawClient(port)
  short.send(get('/short'))
  await short.until(/0\r\n\r\n$/)
  await expect.poll(() => waitingOn(server)).toBe(1)
})

test('a client that had left before the handler came to it leaves nothing', async () => {
  const due = gate()
  const server = createServer((request, response) => void due.opened.then(() => events(request, response)))
  httpServer(server)
  const client = await rawClient(await serve(server))
  const asked = once(server, 'request') as Promise<[IncomingMessage]>
  client.send(get('/'))
  const [request] = await asked
  const gone = once(request.socket, 'close')
  client.socket.destroy()
  await gone
  due.open()
  await due.opened
  expect(waitingOn(server)).toBe(0)
})

test('many are ended over upgradedSpreadMs', async () => {
  const server = createServer(events)
  const resource = httpServer(server, { upgradedSpreadMs: 600 })
  const port = await serve(server)
  const clients = await Promise.all(Array.from({ length: 10 }, () => rawClient(port)))
  for (const client of clients) client.send(get('/'))
  await Promise.all(clients.map((client) => client.until(/hello/)))
  resource.quiesce?.(quiesceContext)
  const begunAt = performance.now()
  const ended = Promise.all(clients.map(async (client) => client.until(/bye/).then(() => performance.now() - begunAt)))
  await resource.drain(drainContext())
  const times = (await ended).toSorted((a, b) => a - b)
  expect(Math.max(...times)).toBeGreaterThan(500)
  // None has to wait for the one before it.
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  expect(gaps.filter((gap) => gap > 25).length).toBeGreaterThan(4)
})

test('one that begins during the drain is ended at once, with its head', async () => {
  const due = gate()
  const server = createServer((request, response) => (request.url === '/late' ? void due.opened.then(() => events(request, response)) : response.end()))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/late'))
  await once(server, 'request')
  const drained = Promise.resolve(resource.drain(drainContext()))
  expect(await within(100, drained)).toBe('pending')
  due.open()
  expect(await client.until(/0\r\n\r\n$/)).toMatch(/200 OK[^]*hello[^]*bye/)
  expect(await within(2_000, drained)).toBeUndefined()
})

test('it may end in a way of its own, which is waited for, and whose error fails the drain', async () => {
  const steps: string[] = []
  const server = createServer((request, response) => {
    response.write('begun')
    endOnDrain(response, async () => {
      await Promise.resolve()
      response.end('my last words')
      steps.push('ended')
      if (request.url === '/fails') throw new Error('no last words')
    })
  })
  const resource = httpServer(server)
  const port = await serve(server)
  const [client, failing] = [await rawClient(port), await rawClient(port)]
  client.send(get('/'))
  failing.send(get('/fails'))
  await Promise.all([client.until(/begun/), failing.until(/begun/)])
  const drained = Promise.resolve(resource.drain(drainContext())).then(() => 'drained', (error: unknown) => error)
  await Promise.all([client.until(/my last words/), failing.until(/my last words/)])
  expect(await drained).toEqual(new Error('no last words'))
  expect(steps).toHaveLength(2)
})

test('an answer that waits in a pipeline is ended too, and one without last words', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/1') response.write('one')
    endOnDrain(response, request.url === '/1' ? undefined : 'two')
  })
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/1') + get('/2'))
  await client.until(/one/)
  await expect.poll(() => resource.inFlight?.()).toBe(2)
  await resource.drain(drainContext())
  expect(client.text()).toMatch(/one[^]*200 OK[^]*two$/)
})

test('over TLS', async () => {
  const server = createTlsServer({ key, cert }, events)
  const resource = httpServer(server)
  const client = watch(connectTls({ port: await serve(server), host: '127.0.0.1', rejectUnauthorized: false }))
  client.send(get('/'))
  await client.until(/hello/)
  await resource.drain(drainContext())
  expect(client.text()).toContain(bye)
})

test.each(['the response of its compatibility layer', 'its stream'])('HTTP/2: %s', async (how) => {
  const server = createHttp2Server()
  const resource = httpServer(server)
  const begin = (answer: Http2ServerResponse | ServerHttp2Stream): void => {
    ;(answer as ServerHttp2Stream).write('hello')
    endOnDrain(answer, bye)
  }
  if (how === 'its stream') {
    server.on('stream', (stream) => {
      stream.respond({ 'content-type': 'text/event-stream' })
      begin(stream)
    })
  } else {
    server.on('request', (_request, response) => begin(response))
  }
  const session = connectHttp2(`http://127.0.0.1:${await serve(server)}`)
  onTestFinished(() => session.destroy())
  const [stays, leaves] = [await open(), await open()]
  expect(waitingOn(server)).toBe(2)
  leaves.stream.close()
  await expect.poll(() => waitingOn(server)).toBe(1)
  const ended = once(stays.stream, 'end')
  await resource.drain(drainContext())
  await ended
  expect(stays.text()).toBe(`hello${bye}`)

  async function open(): Promise<{ stream: ClientHttp2Stream; text: () => string }> {
    const stream = session.request({ ':path': '/' }).setEncoding('utf8')
    let text = ''
    stream.on('data', (data: string) => (text += data))
    await once(stream, 'data')
    return { stream, text: () => text }
  }
})

// A handler is tested without a lifecycle.
test('on a server that nobody drains it does nothing', async () => {
  const server = createServer(events)
  const client = await rawClient(await serve(server))
  client.send(get('/'))
  expect(await client.until(/hello/)).toContain('200 OK')
})

test('a server that listens again keeps its streams until its next drain', async () => {
  const server = createServer(events)
  const resource = httpServer(server)
  for (let life = 0; life < 2; life += 1) {
    const client = await rawClient(await serve(server))
    client.send(get('/'))
    await client.until(/hello/)
    await new Promise(setImmediate)
    expect(client.text()).not.toContain('bye')
    await resource.drain(drainContext())
    expect(client.text()).toContain('bye')
    if (server.listening) await once(server, 'close')
  }
})

test('refuses what is no answer of Node, and last words that it cannot say', () => {
  for (const wrong of [undefined, null, {}, 'response', { raw: {} }]) expect(() => endOnDrain(wrong as never)).toThrow(LifecycleError)
  const server = createServer()
  onTestFinished(() => void server.close())
  const response = { req: { socket: null }, end: () => {}, destroyed: true } as unknown as ServerResponse
  for (const wrong of [7, {}, null]) expect(() => endOnDrain(response, wrong as never)).toThrow(/last must be a text, bytes or a function/)
})

/** `POST /imports` over HTTP/1 or HTTP/2, whose handler says how far it is, and has rows to write until `rows` resolves. */
async function importing(protocol: 'HTTP/1' | 'HTTP/2', rows: Promise<unknown>): Promise<HttpServerResource> {
  const handle: (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => unknown = async (request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    ;(response as ServerResponse).write('data: 0 %\n\n')
    endOnDrain(response, bye)
    await rows
  }
  const server = protocol === 'HTTP/1' ? createServer(handle) : (createHttp2Server(handle) as unknown as Server)
  const resource = httpServer(server)
  const port = await serve(server)
  if (protocol === 'HTTP/1') {
    const client = await rawClient(port)
    client.send('POST /imports HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok')
    await client.until(/0 %/)
    return resource
  }
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  onTestFinished(() => session.destroy())
  const stream = session.request({ ':method': 'POST', ':path': '/imports' }).end('ok')
  await once(stream, 'data')
  stream.resume()
  return resource
}

const both = ['HTTP/1', 'HTTP/2'] as const

// Catches: `clean`, with the handler of an import in the middle of its rows when its client has got the last words.
test.each(both)('%s: an async handler of a POST is waited for behind the last words', async (protocol) => {
  const rows = gate()
  const lifecycle = createLifecycle({ env: {} })
  lifecycle.add(await importing(protocol, rows.opened))
  await lifecycle.start()
  const stopped = lifecycle.stop()
  expect(await within(300, stopped)).toBe('pending')
  rows.open()
  expect(await stopped).toMatchObject({ result: 'clean', steps: [{ outcome: 'drained', work: { done: 1, unknown: 0 } }] })
})

test.each(both)('%s: … for 2 s, and is in doubt until it has come to its end', async (protocol) => {
  const rows = gate()
  const resource = await importing(protocol, rows.opened)
  resource.quiesce?.(quiesceContext)
  await resource.drain(drainContext())
  expect(resource.tally?.()).toMatchObject({ done: 0, unknown: 1, reasons: ['POST /imports: endOnDrain() ended its answer, and its handler had not ended'] })
  rows.open()
  await rows.opened
  expect(resource.tally?.()).toMatchObject({ done: 1, unknown: 0, reasons: [] })
})

test.each(both)('%s: … and one that has come to its end keeps nobody', async (protocol) => {
  const resource = await importing(protocol, Promise.resolve())
  resource.quiesce?.(quiesceContext)
  const begunAt = performance.now()
  await resource.drain(drainContext())
  expect(performance.now() - begunAt).toBeLessThan(1_800)
  expect(resource.tally?.()).toMatchObject({ done: 1, unknown: 0 })
})
