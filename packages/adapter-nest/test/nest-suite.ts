import 'reflect-metadata'
import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLifecycle, type Lifecycle } from '@lameduck/core'
import type * as common from '@nestjs/common'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { LameduckModule, lifecycleToken, nestApp, probes, type NestLike } from '../src/index.ts'
import { decorate, type Nest } from './nest.ts'

interface World {
  readonly app: common.INestApplication
  readonly lifecycle: Lifecycle
  /** What happened, in order. */
  readonly order: string[]
  /** When the slow request has arrived. */
  readonly arrived: Promise<void>
  readonly finish: () => void
}

const host = '127.0.0.1'
const cleanup: (() => unknown)[] = []

/** The same tests for every major and both platforms. Decorators are called as functions, since each major has its own. */
export function nestSuite(nest: Nest): void {
  afterEach(async () => {
    for (const undo of cleanup.splice(0)) await undo()
  })

  test(`Nest ${nest.major} is what the tests run on`, () => {
    expect(nest.version.split('.')[0]).toBe(String(nest.major))
  })

  describe.each(['express', 'fastify'] as const)(`Nest ${nest.major} on %s`, (platform) => {
    const naive = (): Promise<World> => createWorld(nest, platform)

    test('app.close() alone destroys modules under the request in flight: the naive stop', async () => {
      const { app, order, arrived, finish } = await naive()
      await app.listen(0, host)
      const slow = ask(app, '/slow')
      await arrived
      const closed = app.close()
      await vi.waitFor(() => expect(order).toContain('onModuleDestroy'))
      finish()
      expect(await slow).toMatchObject({ status: 200 })
      await ended(app)
      await closed
      expect(order.indexOf('onModuleDestroy')).toBeLessThan(order.indexOf('answered'))
    })

    test('serves through the lame duck, finishes what is in flight, and only then destroys modules', async () => {
      const { app, lifecycle, order, arrived, finish } = await naive()
      lifecycle.add(nestApp(app, { port: 0, host }))
      await lifecycle.start()
      const slow = ask(app, '/slow')
      await arrived
      const stopped = lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
      expect(await ask(app, '/quick')).toMatchObject({ status: 200, body: 'quick', headers: { connection: 'close' } })
      expect(await ask(app, '/readyz')).toMatchObject({ status: 503, body: expect.stringContaining('not ready: lame-duck') as string })
      expect(await ask(app, '/livez')).toMatchObject({ status: 200 })
      await aborted(lifecycle.draining)
      expect(order).toEqual([])
      finish()
      expect(await slow).toMatchObject({ status: 200, body: 'slow', headers: { connection: 'close' } })
      expect(await stopped).toMatchObject({ result: 'clean' })
      expect(order).toEqual(['answered', 'onModuleDestroy', 'beforeApplicationShutdown SIGTERM', 'onApplicationShutdown SIGTERM'])
      expect((app.getHttpServer() as Server).listening).toBe(false)
    })

    test('a response that never ends is cut at the deadline, and the hooks still run', async () => {
      const { app, lifecycle, order, arrived } = await naive()
      lifecycle.add(nestApp(app, { port: 0, host, signal: 'SIGINT' }))
      await lifecycle.start()
      const slow = ask(app, '/slow').catch((error: NodeJS.ErrnoException) => error.code)
      await arrived
      const stopped = lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: true })
      lifecycle.shrinkTo(500)
      const report = await stopped
      expect(await slow).toBe('ECONNRESET')
      expect(report.steps.find((step) => step.name === 'nest')).toMatchObject({ outcome: 'forced', inFlight: { atForce: 1 }, errors: [] })
      expect(order).toEqual(['onModuleDestroy', 'beforeApplicationShutdown SIGINT', 'onApplicationShutdown SIGINT'])
    })

    test('force alone, without a drain before it, cuts the response and runs the hooks once', async () => {
      const { app, lifecycle, order, arrived } = await naive()
      const resource = nestApp(app, { port: 0, host })
      lifecycle.add(resource)
      await lifecycle.start()
      const slow = ask(app, '/slow').catch((error: NodeJS.ErrnoException) => error.code)
      await arrived
      const context = { reason: { kind: 'programmatic' }, boundMs: 100 } as const
      await Promise.all([resource.force?.(context), resource.force?.(context)])
      expect(await slow).toBe('ECONNRESET')
      expect(order.filter((entry) => entry === 'onModuleDestroy')).toHaveLength(1)
    })

    test('a hook that hangs does not hold a drain whose signal aborts', async () => {
      const { app, lifecycle, order } = await createWorld(nest, platform, () => new Promise(() => {}))
      const resource = nestApp(app, { port: 0, host })
      lifecycle.add(resource)
      await lifecycle.start()
      const abort = new AbortController()
      const drained = resource.drain({ reason: { kind: 'programmatic' }, deadline: Infinity, remaining: () => 1_000, signal: abort.signal })
      await vi.waitFor(() => expect(order).toContain('onModuleDestroy'))
      abort.abort(new Error('time is up'))
      await expect(drained).rejects.toThrow('time is up')
      expect(order).not.toContain('onApplicationShutdown undefined')
    })

    // Catches: Nest 12, which logs what a hook fails with and closes as if nothing had been.
    test('a shutdown hook that fails makes the step fail, and the report says why', async () => {
      const { app, lifecycle } = await createWorld(nest, platform, () => Promise.reject(new Error('3 rows were not written')))
      lifecycle.add(nestApp(app, { port: 0, host }))
      await lifecycle.start()
      const report = await lifecycle.stop()
      expect(report.result).toBe('failed')
      expect(report.steps.find((step) => step.name === 'nest')).toMatchObject({ outcome: 'failed', errors: [expect.stringContaining('3 rows were not written')] })
    })

    test('takes over from enableShutdownHooks(), called before or after, and says so', async () => {
      const { app, lifecycle } = await naive()
      const listeners = (): number[] => (['SIGTERM', 'SIGINT', 'SIGHUP'] as const).map((signal) => process.listenerCount(signal))
      const before = listeners()
      app.enableShutdownHooks(['SIGTERM', 'SIGHUP'])
      expect(listeners()).not.toEqual(before)
      const resource = nestApp(app, { port: 0, host })
      expect(listeners()).toEqual(before)
      app.enableShutdownHooks(['SIGINT'])
      expect(listeners()).not.toEqual(before)
      lifecycle.add(resource)
      await lifecycle.start()
      expect(listeners()).toEqual(before)
      expect(resource.warnings).toEqual([
        expect.stringContaining('enableShutdownHooks() was called; its listeners (SIGHUP, SIGTERM) were removed'),
        expect.stringContaining('its listeners (SIGINT) were removed'),
      ])
    })

    test('without enableShutdownHooks() it warns of nothing', async () => {
      const { app } = await naive()
      expect(nestApp(app, { port: 0 }).warnings).toEqual([])
    })

    test('warns while the keep-alive timeout is below that of what is in front', async () => {
      const { app } = await naive()
      const server = app.getHttpServer() as Server
      const resource = nestApp(app, { port: 0, upstreamIdleMs: 60_000 })
      server.keepAliveTimeout = 5_000
      expect(resource.warnings).toEqual([expect.stringMatching(/^nest closes idle connections after 5000 ms[^]*60000 ms/)])
      server.keepAliveTimeout = 65_000
      expect(resource.warnings).toEqual([])
    })

    test('listens on every interface by default', async () => {
      const { app, lifecycle } = await naive()
      lifecycle.add(nestApp(app, { port: 0 }))
      await lifecycle.start()
      expect(['::', '0.0.0.0']).toContain(((app.getHttpServer() as Server).address() as AddressInfo).address)
    })

    test('a taken port rejects the start with what to do', async () => {
      const taken = createServer().listen(0, host)
      await once(taken, 'listening')
      cleanup.push(() => taken.close())
      const { port } = taken.address() as AddressInfo
      const { app, lifecycle } = await naive()
      lifecycle.add(nestApp(app, { port, host }))
      await expect(lifecycle.start()).rejects.toThrow(`nest cannot listen on 127.0.0.1:${port}: it is in use (EADDRINUSE)`)
    })

    test('a provider that fails rejects the start with its own error', async () => {
      const app = await create(nest, platform, {
        module: class Broken {},
        providers: [{ provide: 'broken', useValue: { onModuleInit: () => Promise.reject(new Error('no database')) } }],
      })
      const lifecycle = newLifecycle()
      lifecycle.add(nestApp(app, { port: 0, host }))
      await expect(lifecycle.start()).rejects.toThrow('nest could not start: no database')
      expect((app.getHttpServer() as Server).listening).toBe(false)
    })

    test('refuses an app that listens already, a port that is none, and what is no app', async () => {
      const { app } = await naive()
      expect(() => nestApp(app, { port: 1.5 })).toThrow('1.5 (number)')
      expect(() => nestApp(app, { port: 0, signals: 'SIGTERM' } as never)).toThrow('nestApp(): the option signals is not known; did you mean signal? Known are ')
      await app.listen(0, host)
      cleanup.push(() => app.close())
      expect(() => nestApp(app, { port: 0 })).toThrow('listens already')
      expect(() => nestApp({} as NestLike, { port: 0 })).toThrow('needs what NestFactory.create() resolved with')
    })

    test('refuses an app that another resource drains', async () => {
      const { app } = await naive()
      cleanup.push(() => app.close())
      nestApp(app, { port: 0 })
      expect(() => nestApp(app, { port: 0 })).toThrow('the resource "nest" drains this server already')
    })

    test('LameduckModule injects the lifecycle, in every module', async () => {
      const lifecycle = newLifecycle()
      class Feature {
        readonly lifecycle: Lifecycle
        constructor(injected: Lifecycle) {
          this.lifecycle = injected
        }
      }
      nest.common.Injectable()(Feature)
      nest.common.Inject(lifecycleToken)(Feature, undefined, 0)
      const feature = { module: class FeatureModule {}, providers: [Feature] }
      const app = await create(nest, platform, { module: class Root {}, imports: [LameduckModule.forRoot(lifecycle), feature] })
      expect(app.get(Feature, { strict: false }).lifecycle).toBe(lifecycle)
      await app.close()
    })

    test('probes are no routes: neither a prefix nor a guard is in their way', async () => {
      const { app, lifecycle } = await naive()
      app.setGlobalPrefix('api')
      app.useGlobalGuards({ canActivate: () => false })
      lifecycle.add(nestApp(app, { port: 0, host }))
      await lifecycle.start()
      expect(await ask(app, '/readyz')).toMatchObject({ status: 200, body: 'ready\n' })
      expect(await ask(app, '/api/quick')).toMatchObject({ status: 403 })
    })
  })
}

async function createWorld(nest: Nest, platform: 'express' | 'fastify', onModuleDestroy?: () => Promise<void>): Promise<World> {
  const { Controller, Get } = nest.common
  const order: string[] = []
  let finish = (): void => {}
  let arrive = (): void => {}
  const arrived = new Promise<void>((resolve) => (arrive = resolve))

  class Orders {
    quick(): string {
      return 'quick'
    }
    async slow(): Promise<string> {
      await new Promise<void>((resolve) => {
        finish = resolve
        arrive()
      })
      order.push('answered')
      return 'slow'
    }
    async onModuleDestroy(): Promise<void> {
      order.push('onModuleDestroy')
      await onModuleDestroy?.()
    }
    beforeApplicationShutdown(signal?: string): void {
      order.push(`beforeApplicationShutdown ${signal}`)
    }
    onApplicationShutdown(signal?: string): void {
      order.push(`onApplicationShutdown ${signal}`)
    }
  }
  Controller()(Orders)
  for (const method of ['quick', 'slow']) decorate(Orders, method, Get(method))
  const lifecycle = newLifecycle()
  const app = await create(nest, platform, { module: class Root {}, controllers: [Orders] })
  app.use(probes(lifecycle))
  return { app, lifecycle, order, arrived, finish: () => finish() }
}

function create(nest: Nest, platform: 'express' | 'fastify', module: common.DynamicModule): Promise<common.INestApplication> {
  const adapter = platform === 'express' ? new nest.express.ExpressAdapter() : new nest.fastify.FastifyAdapter()
  return nest.core.NestFactory.create(module, adapter, { logger: false, abortOnError: false })
}

function newLifecycle(): Lifecycle {
  const lifecycle = createLifecycle({ env: {}, policy: { lameDuck: { minMs: 1_000, quietMs: 0, maxMs: 1_000 } } })
  cleanup.push(() => {
    lifecycle.force()
    return lifecycle.stop()
  })
  return lifecycle
}

/** Ends the keep-alive connections that a naive close waits for. */
async function ended(app: common.INestApplication): Promise<void> {
  const server = app.getHttpServer() as Server
  await vi.waitFor(() => expect(server.listening).toBe(false))
  server.closeAllConnections()
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

async function ask(app: common.INestApplication, path: string): Promise<{ status: number; body: string; headers: Record<string, unknown> }> {
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo
  const call = request({ host, port, path, agent: new Agent({ keepAlive: true }) }).end()
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
  return { status: response.statusCode ?? 0, body, headers: response.headers }
}
