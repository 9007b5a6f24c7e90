import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import { createLifecycle } from '@lameduck/core'
import express from 'express'
import { expect, onTestFinished, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { get, rawClient } from './support/raw-client.ts'
import { drainContext, forceContext } from './support/context.ts'
import { gate, serve } from './support/serve.ts'

test('names method, path without query, age, and the bytes that were sent of this answer alone', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/quick') return void response.end('x'.repeat(5_000))
    response.writeHead(200, { 'Content-Length': 1_000 }).write('y'.repeat(300))
  })
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/quick'))
  await client.until(/x{5000}$/)
  const before = client.text().length
  client.send(get('/download?token=secret'))
  const sent = (await client.until(/y{300}$/)).length - before

  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(new RegExp(`^GET /download \\d+ ms, ${sent} bytes sent$`))])
})

test('says when nothing was sent, also of the later ones of a pipeline, oldest first', async () => {
  const server = createServer((request, response) => void (request.url === '/1' && response.write('begun')))
  const resource = httpServer(server)
  const client = await rawClient(await serve(server))
  client.send(get('/1') + get('/2'))
  await client.until(/begun/)
  await expect.poll(() => resource.inFlight?.()).toBe(2)

  expect(resource.waitingFor?.()).toEqual([
    expect.stringMatching(/^GET \/1 \d+ ms, \d+ bytes sent$/),
    expect.stringMatching(/^GET \/2 \d+ ms, nothing sent$/),
  ])
})

// What Express sets on the request: the router's own path, and the route's below it. A path may hold secrets.
test('prefers the route to the path, where a router tells it', async () => {
  const server = createServer((request: IncomingMessage & { baseUrl?: string; route?: { path: string | RegExp } }) => {
    request.baseUrl = '/orders'
    request.route = { path: request.url === '/orders/by-pattern' ? /pattern/ : '/:id' }
  })
  const resource = httpServer(server)
  const port = await serve(server)
  for (const path of ['/orders/4711', '/orders/by-pattern']) {
    const client = await rawClient(port)
    client.send(get(path))
    await once(server, 'request')
  }

  expect(resource.waitingFor?.()).toEqual([
    expect.stringMatching(/^GET \/orders\/:id \d+ ms, nothing sent$/),
    expect.stringMatching(/^GET \/orders\/by-pattern \d+ ms, nothing sent$/),
  ])
})

// Catches: naming what a mount has left of the path: Express and connect take the part off under which they have mounted something.
test('names a path as the client sent it, whatever is mounted where', async () => {
  const app = express()
  app.use('/files', (request, _response, next) => (request.url === '/held' ? undefined : next()))
  app.use('/files', (request) => void (request.url = '/elsewhere'))
  const server = createServer(app as RequestListener)
  const resource = httpServer(server)
  const port = await serve(server)
  for (const path of ['/files/held?token=secret', '/files/a/b']) {
    const client = await rawClient(port)
    client.send(get(path))
    await once(server, 'request')
  }
  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^GET \/files\/held \d+ ms, nothing sent$/), expect.stringMatching(/^GET \/files\/a\/b \d+ ms, nothing sent$/)])
})

test('HTTP/2: says whether the answer has begun', async () => {
  const server = createHttp2Server()
  server.on('stream', (stream, headers) => headers[':path'] === '/begun' && stream.respond())
  const resource = httpServer(server)
  const client = connect(`http://127.0.0.1:${await serve(server)}`)
  onTestFinished(() => client.destroy())
  const begun = client.request({ ':path': '/begun' })
  await once(begun, 'response')
  client.request({ ':path': '/waiting?token=secret' }).on('error', () => {})
  await expect.poll(() => resource.inFlight?.()).toBe(2)

  expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^GET \/begun \d+ ms, partly sent$/), expect.stringMatching(/^GET \/waiting \d+ ms, nothing sent$/)])
})

// Catches: advice that is being followed.
test('where onDrain is given, they are told to end them by it only when it is over', async () => {
  const due = gate()
  const server = createServer(() => {})
  const resource = httpServer(server, { onDrain: () => due.opened })
  const port = await serve(server)
  for (const path of ['/socket.io/?EIO=4', '/poll', '/poll', '/poll']) {
    const client = await rawClient(port)
    client.send(get(path))
    await once(server, 'request')
  }
  const context = drainContext()
  const drained = Promise.resolve(resource.drain(context))
  const held = (advice: readonly [string, string]): unknown[] => [
    expect.stringMatching(new RegExp(`^GET /socket.io/ \\d\\.\\d s, nothing sent${advice[0]}$`)),
    expect.stringMatching(new RegExp(`^3 × GET /poll \\d\\.\\d s, nothing sent${advice[1]}$`)),
  ]
  await expect.poll(() => resource.waitingFor?.(), { timeout: 3_000 }).toEqual([expect.stringMatching(/^onDrain \d\.\d s$/), ...held(['', ''])])
  due.open()
  await expect.poll(() => resource.waitingFor?.()).toEqual(held([' \\(socket.io holds polls open, and onDrain has not closed its engine\\)', ' \\(if something holds them open, onDrain has not ended them\\)']))
  context.cut()
  await resource.force?.(forceContext)
  await drained
})

// Catches: twenty texts of polls that a library holds, and no word about what ends them.
test('requests that something seems to hold open share one text, with what to do', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const texts: (readonly string[])[] = []
  lifecycle.subscribe((event) => {
    if (event.type === 'still-waiting') texts.push(...event.steps.map(({ waitingFor }) => waitingFor))
  })
  const server = createServer((request, response) => void (request.url === '/events' && response.write('begun')))
  lifecycle.add(httpServer(server, { timeoutMs: 2_500 }))
  const port = await serve(server)
  await lifecycle.start()
  for (const path of ['/events', '/socket.io/?EIO=4&transport=polling&sid=secret', '/poll', '/poll', '/poll?of=secret', '/orders', '/orders', '/events', '/events']) {
    const client = await rawClient(port)
    client.send(get(path))
    await once(server, 'request')
  }
  const report = await lifecycle.stop()
  const held = [
    expect.stringMatching(/^3 × GET \/events \d\.\d s, partly sent \(if something holds them open, end them in onDrain, or by endOnDrain\)$/),
    expect.stringMatching(/^GET \/socket.io\/ \d\.\d s, nothing sent \(socket.io holds polls open: close its engine in onDrain\)$/),
    expect.stringMatching(/^3 × GET \/poll \d\.\d s, nothing sent \(if something/),
    expect.stringMatching(/^GET \/orders \d\.\d s, nothing sent$/),
    expect.stringMatching(/^GET \/orders \d\.\d s, nothing sent$/),
  ]
  expect(texts[0]).toEqual(held)
  expect(report.steps[0]?.waitingFor).toEqual(held)
})
