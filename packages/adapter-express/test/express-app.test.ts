import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Agent, createServer, request, type IncomingMessage } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { createLifecycle, type Lifecycle } from '@lameduck/core'
import { httpServer } from '@lameduck/http'
import express5, { type Response } from 'express'
import { afterEach, describe, expect, test } from 'vitest'
import { endOnDrain, expressApp, probes, type ExpressAppResource } from '../src/index.ts'

const host = '127.0.0.1'
const require = createRequire(import.meta.url)
// The alias has no types of its own; what is used here is alike in both.
const express4 = require('express-4') as typeof express5
const lifecycles: Lifecycle[] = []
afterEach(async () => {
  for (const lifecycle of lifecycles.splice(0)) {
    lifecycle.force()
    await lifecycle.stop()
  }
})

describe.each([
  { major: 4, specifier: 'express-4', express: express4 },
  { major: 5, specifier: 'express', express: express5 },
])('Express $major', ({ major, specifier, express }) => {
  test('is what the tests run on', async () => {
    const { version } = JSON.parse(await readFile(require.resolve(`${specifier}/package.json`), 'utf8')) as { version: string }
    expect(version.split('.')[0]).toBe(String(major))
  })

  test('listens at start, serves through the lame duck, finishes what is in flight and is gone', async () => {
    const { lifecycle, web, arrived, finish } = await serve(express, 1_000)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const slow = ask(web, '/slow', agent)
    const response = await arrived
    const stopped = lifecycle.stop()
    const during = await ask(web, '/quick')
    expect(during).toMatchObject({ status: 200, body: 'quick', headers: { connection: 'close' } })
    expect(await ask(web, '/readyz')).toMatchObject({ status: 503, body: expect.stringMatching(/^not ready: lame-duck, \d+ ms left\n$/) as string })
    expect(await ask(web, '/livez')).toMatchObject({ status: 200 })
    await aborted(lifecycle.draining)
    expect(response.headersSent).toBe(false)
    finish()
    expect(await slow).toMatchObject({ status: 200, body: 'slow', headers: { connection: 'close' } })
    const report = await stopped
    expect(report.result).toBe('clean')
    expect(report.steps.find((step) => step.name === 'express')).toMatchObject({ outcome: 'drained', inFlight: { atStop: 1 } })
    expect(web.server.listening).toBe(false)
    agent.destroy()
  })

  test('a response that never ends is cut at the deadline, and the report names it', async () => {
    const { lifecycle, web, arrived } = await serve(express, 0)
    const slow = ask(web, '/slow?token=secret').catch((error: NodeJS.ErrnoException) => error.code)
    await arrived
    const stopped = lifecycle.stop()
    lifecycle.shrinkTo(500)
    const report = await stopped
    expect(await slow).toBe('ECONNRESET')
    const step = report.steps.find((each) => each.name === 'express')
    expect(step).toMatchObject({ outcome: 'forced', inFlight: { atForce: 1 } })
    expect(step?.waitingFor[0]).toContain('GET /slow')
    expect(step?.waitingFor[0]).not.toContain('secret')
  })

  test('probes answer where they are mounted and leave every other request alone', async () => {
    const app = express()
    const lifecycle = track(createLifecycle({ env: {} }))
    app.use('/internal', probes(lifecycle))
    app.get('/internal/other', (_request, response) => void response.send('other'))
    const web = expressApp(app, { port: 0, host })
    lifecycle.add(web)
    await lifecycle.start()
    expect(await ask(web, '/internal/readyz')).toMatchObject({ status: 200, body: 'ready\n' })
    expect(await ask(web, '/internal/other')).toMatchObject({ status: 200, body: 'other' })
    expect(await ask(web, '/readyz')).toMatchObject({ status: 404 })
  })

  test('probes and what the application names are no work, so that they do not stretch the lame duck', async () => {
    const app = express()
    const lifecycle = track(createLifecycle({ env: {} }))
    app.use('/internal', probes(lifecycle))
    app.use('/internal', (_request, response) => void response.send('metrics'))
    app.get('/orders', (_request, response) => void response.send('orders'))
    const web = expressApp(app, { port: 0, host, notWork: ['/internal/metrics'] })
    lifecycle.add(web)
    await lifecycle.start()
    web.preStop?.(true)
    expect(await ask(web, '/internal/readyz')).toMatchObject({ status: 200 })
    expect(await ask(web, '/internal/metrics')).toMatchObject({ body: 'metrics' })
    expect(web.lastArrival?.()).toBeUndefined()
    await ask(web, '/orders')
    expect(web.lastArrival?.()).toEqual(expect.any(Number))
  })

  test('a stream and a library are told when the lame duck is over; what a handler breaks off has failed, by its route', async () => {
    const app = express()
    const lifecycle = track(createLifecycle({ env: {} }))
    app.get('/events', (_request, response) => {
      response.write('hello ')
      endOnDrain(response, 'bye')
    })
    const broken = new Promise<Response>((resolve) => {
      app.get('/broken/:id', (_request, response) => {
        response.write('half')
        resolve(response)
      })
    })
    const web = expressApp(app, { port: 0, host, onDrain: async () => void (await broken).destroy() })
    lifecycle.add(web)
    await lifecycle.start()
    const answers = [ask(web, '/events'), ask(web, '/broken/7').catch((error: NodeJS.ErrnoException) => error.code)]
    await Promise.all([broken, expect.poll(() => web.inFlight?.()).toBe(2)])
    const report = await lifecycle.stop()
    expect(await Promise.all(answers)).toEqual([expect.objectContaining({ body: 'hello bye' }), 'ECONNRESET'])
    expect(report.result).toBe('failed')
    expect(report.steps[0]).toMatchObject({ work: { done: 1, failed: 1, reasons: [expect.stringMatching(/^GET \/broken\/:id: /) as string] } })
  })

  test('serves on in a later phase', async () => {
    const lifecycle = track(createLifecycle({ env: {} }))
    const admin = expressApp(express().use((_request, response) => void response.send('admin')), { name: 'admin', phase: 'telemetry', port: 0, host })
    lifecycle.add(admin)
    let during = ''
    lifecycle.add({ name: 'jobs', phase: 'work', drain: async () => void (during = (await ask(admin, '/')).body) })
    await lifecycle.start()
    expect(await lifecycle.stop()).toMatchObject({ result: 'clean' })
    expect(during).toBe('admin')
  })

  test('warns while the keep-alive timeout is below that of what is in front', () => {
    const web = expressApp(express(), { port: 0, upstreamIdleMs: 60_000 })
    const lifecycle = track(createLifecycle({ env: {}, policy: { lameDuck: { minMs: 0 } } }))
    lifecycle.add(web)
    web.server.keepAliveTimeout = 5_000
    expect(web.warnings).toEqual([expect.stringMatching(/^express closes idle connections after 5000 ms[^]*60000 ms/)])
    expect(lifecycle.plan().warnings).toEqual(expect.arrayContaining([expect.stringContaining('keepAliveTimeout')]))
    web.server.keepAliveTimeout = 65_000
    expect(web.warnings).toEqual([])
    expect(lifecycle.plan().warnings).toEqual([])
  })

  test('a taken port rejects the start', async () => {
    const taken = createServer().listen(0, host)
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const lifecycle = track(createLifecycle({ env: {} }))
    lifecycle.add(expressApp(express(), { port, host }))
    await expect(lifecycle.start()).rejects.toThrow(`express cannot listen on 127.0.0.1:${port}: it is in use`)
    taken.close()
  })
})

describe('expressApp', () => {
  test.each<[string, unknown, string]>([
    ['a router', express5.Router(), 'a function (function)'],
    ['a server', createServer(), 'give that to httpServer() of @lameduck/http'],
    ['nothing', undefined, 'undefined (undefined)'],
  ])('refuses %s', (_what, given, text) => {
    expect(() => expressApp(given as ReturnType<typeof express5>, { port: 0 })).toThrow(text)
  })

  // Catches: `listen.port`, an option that expressApp() has not got.
  test('a wrong port is named as it was written', () => {
    expect(() => expressApp(express5(), { port: '8080' as never })).toThrow(/^port must be a whole number from 0 to 65535; it is "8080" \(string\)$/)
  })

  test('an option that is not known is named with the one that was meant, and by what it was given to', () => {
    expect(() => expressApp(express5(), { port: 0, listen: { port: 1 } } as never)).toThrow('expressApp(): the option listen is not known; known are ')
    expect(() => expressApp(express5(), { prot: 0 } as never)).toThrow('did you mean port?')
  })

  test('its server is its own: httpServer() refuses it', () => {
    const { server } = expressApp(express5(), { port: 0 })
    expect(() => httpServer(server)).toThrow('the resource "express" drains this server already')
  })

  test('the compiler refuses a router', () => {
    // @ts-expect-error a router has no `listen`
    expect(() => expressApp(express5.Router(), { port: 0 })).toThrow('express()')
  })
})

async function serve(
  express: typeof express5,
  lameDuckMs: number,
): Promise<{ lifecycle: Lifecycle; web: ExpressAppResource; arrived: Promise<Response>; finish: () => void }> {
  const lifecycle = track(createLifecycle({ env: {}, policy: { lameDuck: { minMs: lameDuckMs, quietMs: 0, maxMs: lameDuckMs } } }))
  const app = express()
  let finish = (): void => {}
  let arrive: (response: Response) => void = () => {}
  const arrived = new Promise<Response>((resolve) => (arrive = resolve))
  app.use(probes(lifecycle))
  app.get('/quick', (_request, response) => void response.send('quick'))
  app.get('/slow', (_request, response) => {
    finish = () => void response.send('slow')
    arrive(response)
  })
  const web = expressApp(app, { port: 0, host })
  lifecycle.add(web)
  expect(web.server.listening).toBe(false)
  await lifecycle.start()
  return { lifecycle, web, arrived, finish: () => finish() }
}

function track(lifecycle: Lifecycle): Lifecycle {
  lifecycles.push(lifecycle)
  return lifecycle
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

async function ask(web: ExpressAppResource, path: string, agent?: Agent): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  const { port } = web.server.address() as AddressInfo
  const call = request({ host, port, path, agent: agent ?? new Agent({ keepAlive: true }) }).end()
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
  return { status: response.statusCode ?? 0, body, headers: response.headers }
}
