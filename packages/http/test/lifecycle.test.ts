import { once } from 'node:events'
import { createServer } from 'node:http'
import { createLifecycle } from '@lameduck/core'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { within } from './support/context.ts'
import { get, rawClient } from './support/raw-client.ts'
import { gate, plainClose, serve } from './support/serve.ts'

// Catches: ending event streams at the signal: the browser reconnects to the same replica, since nobody else has heard of the stop yet.
test('in a lifecycle: serves through the lame duck, ends event streams after it, and reports', async () => {
  const lifecycle = createLifecycle({ policy: { graceMs: 10_000, lameDuck: { minMs: 300, quietMs: 50, maxMs: 1_000 } } })
  const server = createServer((request, response) => {
    if (request.url === '/') return void response.end('ok')
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: hello\n\n')
    const bye = (): void => void response.end('event: bye\ndata:\n\n')
    if (request.url === '/naive') lifecycle.subscribe((event) => event.type === 'stop-begun' && bye())
    else lifecycle.draining.addEventListener('abort', bye)
  })
  const resource = httpServer(server)
  lifecycle.add(resource)
  const port = await serve(server)
  await lifecycle.start()
  const [stream, naive] = [await rawClient(port), await rawClient(port)]
  stream.send(get('/events'))
  await stream.until(/hello/)
  naive.send(get('/naive'))
  await naive.until(/hello/)

  const stopped = lifecycle.stop()
  await naive.until(/event: bye/)
  const during = await rawClient(port)
  during.send(get('/'))
  expect(await during.until(/ok$/)).toMatch(/connection: close/i)
  expect(stream.text()).not.toContain('bye')

  const report = await stopped
  expect(await stream.until(/event: bye[^]*0\r\n\r\n$/)).toContain('hello')
  expect(report.result).toBe('clean')
  expect(report.steps).toContainEqual(expect.objectContaining({ name: 'http', outcome: 'drained', inFlight: { atStop: 2, atStart: 1, atForce: undefined } }))
})

// Catches: `server.close()`, which one stuck handler keeps for ever.
test('one stuck handler: everything else is answered, it is named, and the whole stop is over at the deadline', async () => {
  const naive = createServer(() => {})
  const held = await rawClient(await serve(naive))
  held.send(get('/stuck'))
  await once(naive, 'request')
  expect(await within(200, plainClose(naive))).toBe('pending')

  const lifecycle = createLifecycle({ policy: { graceMs: 1_500, marginMs: 300 }, env: {} })
  const due = gate()
  const server = createServer((request, response) => void (request.url === '/slow' && due.opened.then(() => response.end('ok'))))
  const resource = httpServer(server)
  lifecycle.add(resource)
  const port = await serve(server)
  await lifecycle.start()
  const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(port)))
  for (const client of clients) client.send(get('/slow'))
  const stuck = await rawClient(port)
  stuck.send(get('/stuck?token=secret'))
  await expect.poll(() => resource.inFlight?.()).toBe(21)

  const stopped = lifecycle.stop()
  due.open()
  for (const client of clients) expect(await client.until(/ok$/)).toMatch(/connection: close/i)
  const { tookMs, budgetMs, result, steps } = await stopped
  expect(tookMs).toBeLessThanOrEqual(budgetMs + 100)
  expect(result).toBe('forced')
  const waitingFor = [expect.stringMatching(/^GET \/stuck \d\S* m?s, nothing sent$/)]
  const inFlight = { atStop: 21, atStart: expect.any(Number), atForce: 1 }
  expect(steps).toContainEqual(expect.objectContaining({ name: 'http', outcome: 'forced', inFlight, waitingFor }))
})

test('an event stream that does not end is cut at the deadline and named', async () => {
  const lifecycle = createLifecycle({ policy: { graceMs: 10_000 }, env: {} })
  const server = createServer((_request, response) => void response.writeHead(200).write('data: hello\n\n'))
  lifecycle.add(httpServer(server, { timeoutMs: 200 }))
  const stream = await rawClient(await serve(server))
  await lifecycle.start()
  stream.send(get('/events?token=secret'))
  await stream.until(/hello/)
  const closed = once(server, 'close')

  const report = await lifecycle.stop()

  await closed
  expect(report.result).toBe('forced')
  expect(report.steps).toContainEqual(
    expect.objectContaining({
      name: 'http',
      outcome: 'forced',
      inFlight: { atStop: 1, atStart: 1, atForce: 1 },
      waitingFor: [expect.stringMatching(/^GET \/events \d+ ms, \d+ bytes sent$/)],
    }),
  )
})

// Catches: remembering for good that the server is to be closed. A test suite, or a host that restarts what it runs, listens again with it.
test('a server that listens again after its lifecycle has stopped stays open, and stops again', async () => {
  const server = createServer((_request, response) => void response.end('ok'))
  for (let life = 0; life < 2; life += 1) {
    const lifecycle = createLifecycle({ env: {} })
    lifecycle.add(httpServer(server))
    const port = await serve(server)
    await lifecycle.start()
    expect(server.listening).toBe(true)
    const client = await rawClient(port)
    client.send(get('/'))
    // The earlier life's announcement is over, too.
    expect(await client.until(/ok$/)).toMatch(/connection: keep-alive/i)
    expect(await lifecycle.stop()).toMatchObject({ result: 'clean' })
    expect(await client.ended).toBe('end')
    expect(server.listening).toBe(false)
  }
})

test('two servers in one lifecycle are told apart by name', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const [app, admin] = [createServer(), createServer()]
  lifecycle.add(httpServer(app))
  expect(() => lifecycle.add(httpServer(createServer()))).toThrow('http')
  lifecycle.add(httpServer(admin, { name: 'admin' }))
  await Promise.all([serve(app), serve(admin)])
  await lifecycle.start()
  expect((await lifecycle.stop()).steps.map(({ name, outcome }) => [name, outcome]).filter(([name]) => name !== 'lame duck')).toEqual([
    ['http', 'idle'],
    ['admin', 'idle'],
  ])
})
