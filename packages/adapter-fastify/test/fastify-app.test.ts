import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage } from 'node:http'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createLifecycle, type Lifecycle, type LifecycleEvent } from '@lameduck/core'
import type { HttpServerResource } from '@lameduck/http'
import { fastify, type FastifyInstance } from 'fastify'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { endOnDrain, fastifyApp, probes, type FastifyAppOptions, type FastifyLike } from '../src/index.ts'

const host = '127.0.0.1'
const cleanup: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo()
})

describe('fastifyApp', () => {
  test('serves through the lame duck without one 503, finishes what is in flight, then runs onClose', async () => {
    const { lifecycle, app, order, arrived, finish } = await serve({ lameDuckMs: 1_000 })
    const slow = ask(app, '/slow')
    await arrived
    const stopped = lifecycle.stop()
    expect(await ask(app, '/quick')).toMatchObject({ status: 200, body: 'quick', headers: { connection: 'close' } })
    expect(await ask(app, '/readyz')).toMatchObject({ status: 503, body: expect.stringContaining('not ready: lame-duck') as string })
    expect(await ask(app, '/livez')).toMatchObject({ status: 200 })
    await aborted(lifecycle.draining)
    expect(order).toEqual([])
    finish()
    expect(await slow).toMatchObject({ status: 200, body: 'slow', headers: { connection: 'close' } })
    const report = await stopped
    expect(order).toEqual(['answered', 'preClose', 'onClose'])
    expect(report).toMatchObject({ result: 'clean' })
    expect(report.steps.find((step) => step.name === 'fastify')).toMatchObject({ outcome: 'drained', inFlight: { atStop: 1 } })
    expect(app.server.listening).toBe(false)
  })

  // One client, one connection: a request in flight, the next one waiting for the connection.
  test('app.close() alone keeps the connection and answers its next request with 503: the naive stop', async () => {
    const { app, arrived, finish, order } = await serve({ lameDuckMs: 0 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    cleanup.push(() => agent.destroy())
    const slow = ask(app, '/slow', agent)
    const next = ask(app, '/quick', agent)
    await arrived
    const closed = app.close()
    await vi.waitFor(() => expect(order).toContain('preClose'))
    finish()
    expect(await slow).toMatchObject({ status: 200, headers: { connection: 'keep-alive' } })
    expect(await next).toMatchObject({ status: 503 })
    await closed
  })

  test('with lameduck the same client is told to go, and is served on its next connection', async () => {
    const { lifecycle, app, arrived, finish } = await serve({ lameDuckMs: 1_000 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    cleanup.push(() => agent.destroy())
    const slow = ask(app, '/slow', agent)
    const next = ask(app, '/quick', agent)
    await arrived
    const stopped = lifecycle.stop()
    finish()
    expect(await slow).toMatchObject({ status: 200, headers: { connection: 'close' } })
    expect(await next).toMatchObject({ status: 200, body: 'quick' })
    expect(await stopped).toMatchObject({ result: 'clean' })
  })

  test('an idle keep-alive connection does not hold the stop', async () => {
    const { lifecycle, app } = await serve({ lameDuckMs: 0 })
    const agent = new Agent({ keepAlive: true })
    cleanup.push(() => agent.destroy())
    await ask(app, '/quick', agent)
    const report = await lifecycle.stop()
    expect(report).toMatchObject({ result: 'clean' })
    // Far below Fastify's keep-alive timeout of 72 s.
    expect(report.tookMs).toBeLessThan(5_000)
  })

  test('a response that never ends is cut at the deadline, and onClose still runs', async () => {
    const { lifecycle, app, arrived, order } = await serve({ lameDuckMs: 0 })
    const slow = ask(app, '/slow').catch((error: NodeJS.ErrnoException) => error.code)
    await arrived
    const stopped = lifecycle.stop()
    lifecycle.shrinkTo(500)
    const report = await stopped
    expect(await slow).toBe('ECONNRESET')
    expect(report.steps.find((step) => step.name === 'fastify')).toMatchObject({ outcome: 'forced', inFlight: { atForce: 1 }, errors: [] })
    expect(order).toContain('onClose')
  })

  test('an onClose hook that hangs is cut at the deadline like everything else', async () => {
    const { lifecycle } = await serve({
      lameDuckMs: 0,
      extend: (app) => void app.addHook('onClose', () => new Promise<void>(() => {})),
    })
    const stopped = lifecycle.stop()
    lifecycle.shrinkTo(300)
    const report = await stopped
    expect(report.steps.find((step) => step.name === 'fastify')).toMatchObject({ outcome: 'forced', inFlight: { atForce: 0 }, errors: [] })
  })

  test('an onClose hook that throws is in the report', async () => {
    const { lifecycle } = await serve({
      lameDuckMs: 0,
      extend: (app) => void app.addHook('onClose', async () => Promise.reject(new Error('pool is away'))),
    })
    const report = await lifecycle.stop()
    expect(report.steps.find((step) => step.name === 'fastify')).toMatchObject({ outcome: 'failed', errors: ['pool is away'] })
  })

  test('app.close() runs once, whoever asks first', async () => {
    const { lifecycle, app, order } = await serve({ lameDuckMs: 0 })
    await Promise.all([app.close(), lifecycle.stop()])
    expect(order.filter((entry) => entry === 'onClose')).toHaveLength(1)
  })

  test('force alone, without a drain before it, cuts the response and runs onClose', async () => {
    const { app, resource, arrived, order } = await serve({ lameDuckMs: 0 })
    const slow = ask(app, '/slow').catch((error: NodeJS.ErrnoException) => error.code)
    await arrived
    await resource.force?.({ reason: { kind: 'programmatic' }, boundMs: 100 })
    expect(await slow).toBe('ECONNRESET')
    expect(order).toContain('onClose')
    expect(app.server.listening).toBe(false)
  })

  test('a drain that hangs in onClose settles when its signal aborts', async () => {
    const { resource, order } = await serve({ lameDuckMs: 0, extend: (app) => void app.addHook('onClose', () => new Promise<void>(() => {})) })
    const abort = new AbortController()
    const drained = resource.drain({ reason: { kind: 'programmatic' }, deadline: Infinity, remaining: () => 1_000, signal: abort.signal })
    await vi.waitFor(() => expect(order).toContain('preClose'))
    abort.abort(new Error('time is up'))
    await expect(drained).rejects.toThrow('time is up')
    expect(resource.inFlight?.()).toBe(0)
  })

  test('an HTTP/2 stream in flight is finished', async () => {
    const app = fastify({ http2: true })
    const lifecycle = newLifecycle(0)
    let finish = (): void => {}
    let arrive = (): void => {}
    const arrived = new Promise<void>((resolve) => (arrive = resolve))
    app.get('/slow', (_request, reply) => {
      finish = () => void reply.send('slow')
      arrive()
    })
    lifecycle.add(fastifyApp(app, { port: 0, host }))
    await lifecycle.start()
    const session = connect(`http://${host}:${(app.server.address() as AddressInfo).port}`)
    const goaway = once(session, 'goaway')
    const stream = session.request({ ':path': '/slow' })
    await arrived
    const stopped = lifecycle.stop()
    await goaway
    finish()
    let body = ''
    for await (const chunk of stream.setEncoding('utf8')) body += String(chunk)
    expect(body).toBe('slow')
    expect(await stopped).toMatchObject({ result: 'clean' })
    session.destroy()
  })
})

describe('start', () => {
  test('runs the onListen hooks, and listens on every interface by default', async () => {
    const app = fastify()
    const lifecycle = newLifecycle(0)
    let listened = false
    app.addHook('onListen', async () => void (listened = true))
    lifecycle.add(fastifyApp(app, { port: 0 }))
    await lifecycle.start()
    expect(listened).toBe(true)
    expect(['::', '0.0.0.0']).toContain((app.server.address() as AddressInfo).address)
  })

  test('a taken port rejects with what to do', async () => {
    const taken = createServer().listen(0, host)
    await once(taken, 'listening')
    cleanup.push(() => taken.close())
    const { port } = taken.address() as AddressInfo
    const lifecycle = newLifecycle(0)
    lifecycle.add(fastifyApp(fastify(), { port, host }))
    await expect(lifecycle.start()).rejects.toThrow(`fastify cannot listen on 127.0.0.1:${port}: it is in use (EADDRINUSE)`)
  })

  test('a plugin that fails rejects with its own error', async () => {
    const app = fastify()
    app.register(async () => Promise.reject(new Error('no database')))
    const lifecycle = newLifecycle(0)
    lifecycle.add(fastifyApp(app, { port: 0, host }))
    await expect(lifecycle.start()).rejects.toThrow('fastify could not start: no database')
    expect(app.server.listening).toBe(false)
  })

  test('a stop while a plugin is still loading leaves nothing listening', async () => {
    const app = fastify()
    let loaded = (): void => {}
    const loading = new Promise<void>((resolve) => {
      app.register(() => {
        resolve()
        return new Promise<void>((done) => (loaded = done))
      })
    })
    const lifecycle = newLifecycle(0)
    const events: LifecycleEvent['type'][] = []
    lifecycle.subscribe((event) => events.push(event.type))
    lifecycle.add(fastifyApp(app, { port: 0, host }))
    const start = lifecycle.start().catch((error: Error) => error.message)
    await loading
    const stopped = lifecycle.stop()
    loaded()
    expect(await start).toContain('a stop began before everything had started')
    expect(await stopped).toMatchObject({ result: 'clean', from: 'starting' })
    expect(app.server.listening).toBe(false)
  })
})

describe('what is wrong with the options', () => {
  test('is told at once, or as a warning', () => {
    const warningsOf = (app: FastifyLike, own: Partial<FastifyAppOptions>): readonly string[] | undefined => fastifyApp(app, { port: 0, ...own }).warnings
    expect(warningsOf(fastify(), {})).toEqual([])
    expect(warningsOf(fastify(), { host: 'localhost' })).toEqual([expect.stringContaining('second server for ::1')])
    expect(warningsOf(fastify({ forceCloseConnections: true }), {})).toEqual([expect.stringContaining('forceCloseConnections: true')])
    expect(() => fastifyApp(fastify(), { port: -1 })).toThrow('-1 (number)')
    expect(() => fastifyApp(fastify(), { port: 0, hots: '::1' } as never)).toThrow('fastifyApp(): the option hots is not known; did you mean host? Known are ')
    expect(() => fastifyApp({} as FastifyLike, { port: 0 })).toThrow('needs what fastify() returned')
  })

  // Among its own, and read when asked: Fastify's option is set on the server before the adapter sees it, others are set after.
  test('while the keep-alive timeout is below that of what is in front, there is a warning', () => {
    const app = fastify({ keepAliveTimeout: 5_000, forceCloseConnections: true })
    const resource = fastifyApp(app, { port: 0, upstreamIdleMs: 60_000 })
    const own = expect.stringContaining('forceCloseConnections') as string
    expect(resource.warnings).toEqual([expect.stringMatching(/^fastify closes idle connections after 5000 ms[^]*60000 ms/), own])
    app.server.keepAliveTimeout = 65_000
    expect(resource.warnings).toEqual([own])
  })

  test('an app that listens already is refused', async () => {
    const app = fastify()
    await app.listen({ port: 0, host })
    cleanup.push(() => app.close())
    expect(() => fastifyApp(app, { port: 0 })).toThrow('listens already')
  })

  test('an app that another resource drains is refused', () => {
    const app = fastify()
    fastifyApp(app, { port: 0 })
    expect(() => fastifyApp(app, { port: 0 })).toThrow('the resource "fastify" drains this server already')
  })
})

describe('probes', () => {
  test('have a prefix, answer single checks and HEAD, and leave other routes alone', async () => {
    const app = fastify()
    const lifecycle = newLifecycle(0)
    app.register(probes(lifecycle), { prefix: '/internal' })
    app.get('/readyz', () => 'mine')
    lifecycle.add({ name: 'pg', phase: 'connections', check: () => {}, drain: () => {} })
    lifecycle.add(fastifyApp(app, { port: 0, host }))
    await lifecycle.start()
    expect(await ask(app, '/internal/readyz?verbose')).toMatchObject({ status: 200, body: '[+]pg ok\nready\n', headers: { 'cache-control': 'no-store' } })
    expect(await ask(app, '/internal/readyz/pg')).toMatchObject({ status: 200, body: '[+]pg ok\n' })
    expect(await ask(app, '/internal/readyz/none')).toMatchObject({ status: 404 })
    expect(await ask(app, '/readyz')).toMatchObject({ status: 200, body: 'mine' })
    expect(await ask(app, '/livez')).toMatchObject({ status: 404 })
    expect(await ask(app, '/internal/livez', undefined, 'HEAD')).toMatchObject({ status: 200, body: '' })
  })
})

test('probes, with a prefix and while a check takes its time, and what the application names do not stretch the lame duck', async () => {
  const app = fastify()
  const lifecycle = newLifecycle(0)
  app.register(probes(lifecycle), { prefix: '/internal' })
  app.get('/metrics', () => 'metrics')
  app.get('/orders', () => 'orders')
  let finish = (): void => {}
  lifecycle.add({ name: 'pg', phase: 'connections', check: () => new Promise<void>((resolve) => (finish = resolve)), drain: () => {} })
  const resource = fastifyApp(app, { port: 0, host, notWork: ['/metrics'] })
  await resource.start?.({ signal: new AbortController().signal })
  cleanup.push(() => app.close())
  resource.preStop?.(true)
  const verbose = ask(app, '/internal/readyz?verbose')
  await vi.waitFor(() => expect(resource.inFlight?.()).toBe(1))
  expect(resource.lastArrival?.()).toBeUndefined()
  finish()
  expect(await verbose).toMatchObject({ body: expect.stringContaining('[+]pg ok') as string })
  expect(await ask(app, '/metrics')).toMatchObject({ body: 'metrics' })
  expect(resource.lastArrival?.()).toBeUndefined()
  await ask(app, '/orders')
  expect(resource.lastArrival?.()).toEqual(expect.any(Number))
})

test('on HTTP/2 as well', async () => {
  const app = fastify({ http2: true })
  const lifecycle = newLifecycle(0)
  app.register(probes(lifecycle) as never)
  const resource = fastifyApp(app as unknown as FastifyLike, { port: 0, host })
  await resource.start?.({ signal: new AbortController().signal })
  const client = connect(`http://${host}:${(app.server.address() as AddressInfo).port}`)
  cleanup.push(() => client.destroy(), () => app.close())
  resource.preStop?.(true)
  await once(client.request({ ':path': '/readyz' }).resume(), 'close')
  expect(resource.lastArrival?.()).toBeUndefined()
  await once(client.request({ ':path': '/none' }).resume(), 'close')
  expect(resource.lastArrival?.()).toEqual(expect.any(Number))
})

test('a stream is ended by endOnDrain and what onDrain rejects with fails the step, before onClose', async () => {
  const app = fastify()
  const lifecycle = newLifecycle(0)
  const order: string[] = []
  app.get('/events', (_request, reply) => {
    reply.hijack().raw.write('hello ')
    endOnDrain(reply.raw, 'bye')
  })
  app.addHook('onClose', async () => void order.push('onClose'))
  const onDrain = async (): Promise<void> => {
    order.push('onDrain')
    throw new Error('cannot tell them')
  }
  const resource = fastifyApp(app, { port: 0, host, onDrain })
  lifecycle.add(resource)
  await lifecycle.start()
  const answer = ask(app, '/events')
  await vi.waitFor(() => expect(resource.inFlight?.()).toBe(1))
  const { result, steps } = await lifecycle.stop()
  expect(await answer).toMatchObject({ body: 'hello bye' })
  expect(result).toBe('failed')
  expect(steps[0]?.errors).toEqual([expect.stringContaining('cannot tell them') as string])
  expect(order).toEqual(['onDrain', 'onClose'])
})

async function serve({ lameDuckMs, extend }: { lameDuckMs: number; extend?: (app: FastifyInstance) => void }): Promise<{
  lifecycle: Lifecycle
  app: FastifyInstance
  resource: HttpServerResource
  order: string[]
  arrived: Promise<void>
  finish: () => void
}> {
  const lifecycle = newLifecycle(lameDuckMs)
  const app = fastify()
  const order: string[] = []
  let finish = (): void => {}
  let arrive = (): void => {}
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  app.register(probes(lifecycle))
  app.get('/quick', () => 'quick')
  app.get('/slow', (_request, reply) => {
    finish = () => {
      order.push('answered')
      void reply.send('slow')
    }
    arrive()
  })
  app.addHook('preClose', async () => void order.push('preClose'))
  app.addHook('onClose', async () => void order.push('onClose'))
  extend?.(app)
  const resource = fastifyApp(app, { port: 0, host })
  lifecycle.add(resource)
  await lifecycle.start()
  return { lifecycle, app, resource, order, arrived, finish: () => finish() }
}

function newLifecycle(lameDuckMs: number): Lifecycle {
  const lifecycle = createLifecycle({ env: {}, policy: { lameDuck: { minMs: lameDuckMs, quietMs: 0, maxMs: lameDuckMs } } })
  cleanup.push(() => {
    lifecycle.force()
    return lifecycle.stop()
  })
  return lifecycle
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

function portOf(app: FastifyInstance): number {
  return (app.server.address() as AddressInfo).port
}

async function ask(
  app: FastifyInstance,
  path: string,
  agent: Agent = new Agent({ keepAlive: true }),
  method = 'GET',
): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  const call = request({ host, port: portOf(app), path, method, agent }).end()
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
  return { status: response.statusCode ?? 0, body, headers: response.headers }
}
