import { once } from 'node:events'
import { createServer } from 'node:http'
import { createLifecycle } from '@lameduck/core'
import { expect, test } from 'vitest'
import { httpServer } from '../src/index.ts'
import { get, rawClient } from './support/raw-client.ts'
import { serve } from './support/serve.ts'

test('in a lifecycle: serves through the lame duck, ends event streams after it, and reports', async () => {
  const lifecycle = createLifecycle({ policy: { graceMs: 10_000, lameDuck: { minMs: 300, quietMs: 50, maxMs: 1_000 } } })
  const server = createServer((request, response) => {
    if (request.url !== '/events') return void response.end('ok')
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: hello\n\n')
    lifecycle.draining.addEventListener('abort', () => response.end('event: bye\ndata:\n\n'))
  })
  const resource = httpServer(server)
  lifecycle.add(resource)
  const port = await serve(server)
  await lifecycle.start()
  const stream = await rawClient(port)
  stream.send(get('/events'))
  await stream.until(/hello/)

  const stopped = lifecycle.stop()
  const during = await rawClient(port)
  during.send(get('/'))
  expect(await during.until(/ok$/)).toMatch(/connection: close/i)
  expect(stream.text()).not.toContain('bye')

  const report = await stopped
  expect(await stream.until(/event: bye[^]*0\r\n\r\n$/)).toContain('hello')
  expect(report.result).toBe('clean')
  expect(report.steps).toContainEqual(expect.objectContaining({ name: 'http', outcome: 'drained', inFlight: { atStop: 1, atStart: 1, atForce: undefined } }))
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
      waitingFor: [expect.stringMatching(/^GET \/events \d+ ms$/)],
    }),
  )
})

test('two servers in one lifecycle are told apart by name', async () => {
  const lifecycle = createLifecycle({ env: {} })
  const [app, admin] = [createServer(), createServer()]
  lifecycle.add(httpServer(app))
  expect(() => lifecycle.add(httpServer(admin))).toThrow('http')
  lifecycle.add(httpServer(admin, { name: 'admin' }))
  await Promise.all([serve(app), serve(admin)])
  await lifecycle.start()
  expect((await lifecycle.stop()).steps.map(({ name, outcome }) => [name, outcome]).filter(([name]) => name !== 'lame duck')).toEqual([
    ['http', 'idle'],
    ['admin', 'idle'],
  ])
})
