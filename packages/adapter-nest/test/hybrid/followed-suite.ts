import { randomUUID } from 'node:crypto'
import type { LifecycleEvent } from '@lameduck/core'
import { startBroker } from '@lameduck/servers'
import type { INestApplication } from '@nestjs/common'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { nestApp } from '../../src/index.ts'
import { decorate, type Nest } from '../nest.ts'
import { drainingFor, started, stepOf } from './microservice-suite.ts'
import { kafka, nats, redis, tcp, type Transport } from './transports.ts'
import { createWorld, host, newLifecycle } from './world.ts'

/** Microservices that are connected late, that Nest does not know, and that die. */
export function followedSuite(nest: Nest): void {
  describe(`Nest ${nest.major}, a microservice that is connected and started when the service runs`, () => {
    test.each([tcp, redis])('is drained like the others: $name', async (transport) => {
      const world = await createWorld(nest, transport, {
        async beforeConnect(app, lifecycle) {
          lifecycle.add(nestApp(app, { port: 0, host }))
          await lifecycle.start()
        },
      })
      const answer = world.ask('slow')
      await world.arrived
      const stopped = world.lifecycle.stop()
      await drainingFor(world.lifecycle)
      world.finish()
      expect(await answer).toEqual(['it done'])
      expect(stepOf(await stopped)).toMatchObject({ outcome: 'drained', inFlight: { atStop: 1 }, work: { done: 1 } })
    })
  })

  describe(`Nest ${nest.major}, a strategy of the application's own`, () => {
    test('is named at the start while it cannot be told to stop, with what to do', async () => {
      const { app } = await withStrategy(nest)
      expect(nestApp(app, { port: 0 }).warnings).toEqual([
        'the microservice with the strategy Bus takes messages until it is closed, for how it stops is not known; those that come too late are refused. Give Bus a method quiesce() that makes it take no more; it is called in the tick of the signal.',
      ])
      const told = await withStrategy(nest)
      Object.assign(told.Bus.prototype, { quiesce: () => {} })
      expect(nestApp(told.app, { port: 0 }).warnings).toEqual([])
    })

    test('is told to stop in the tick of the signal, and what its handlers have in hand is finished', async () => {
      const { app, bus, lifecycle, order, finish } = await withStrategy(nest)
      Object.assign(bus, { quiesce: () => order.push('quiesce') })
      lifecycle.add(nestApp(app, { port: 0, host }))
      await lifecycle.start()
      const handled = bus.deliver()
      const stopped = lifecycle.stop()
      expect(order).toEqual(['quiesce'])
      await drainingFor(lifecycle)
      finish()
      await handled
      expect(stepOf(await stopped)).toMatchObject({ outcome: 'drained', inFlight: { atStop: 1 }, work: { done: 1 } })
      expect(order).toEqual(['quiesce', 'handled', 'onModuleDestroy', 'closed'])
    })

    test('that goes on delivering is refused when everything is done', async () => {
      const { app, bus, lifecycle, order, finish } = await withStrategy(nest)
      finish()
      lifecycle.add(nestApp(app, { port: 0, host }))
      await lifecycle.start()
      bus.onClose = () => void bus.deliver()
      const report = await lifecycle.stop()
      expect(report.result).toBe('unknown')
      expect(stepOf(report)?.work).toMatchObject({ refused: 1 })
      expect(order).toEqual(['onModuleDestroy', 'closed'])
    })
  })

  describe(`Nest ${nest.major}, what waits when everything is done`, () => {
    test.each([
      [{ gracefulShutdownTimeoutMs: 1_500 }, ['Terminus waits another 1500 ms when everything is drained, before app.close() goes on. Take gracefulShutdownTimeoutMs out.']],
      [{}, []],
    ])('is named at the start: Terminus with %o', async (options, warnings) => {
      const module = { module: class Root {}, imports: [nest.terminus.TerminusModule.forRoot({ ...options, logger: false })] }
      const app = await nest.core.NestFactory.create(module, { logger: false, abortOnError: false })
      expect(nestApp(app, { port: 0 }).warnings).toEqual(warnings)
    })

    test.each([
      [{ gracefulShutdown: true, gracePeriod: 1_500 }, ['the NATS microservice waits another 1500 ms (gracePeriod) when everything is drained. Take gracefulShutdown out.']],
      [{ gracefulShutdown: true }, [expect.stringContaining('10000 ms')]],
      [{}, []],
    ])('is named at the start: NATS with %o', async (options, warnings) => {
      const app = await nest.core.NestFactory.create(class Root {}, { logger: false, abortOnError: false })
      app.connectMicroservice({ transport: 2, options })
      expect(nestApp(app, { port: 0 }).warnings).toEqual(warnings)
    })
  })

  describe(`Nest ${nest.major}, a microservice that has given up for good`, () => {
    test('is heard: Redis that is not to be connected to again', async () => {
      const connectionName = randomUUID()
      const { events } = await watched(nest, redis, { connectionName })
      const admin = new Redis(process.env['REDIS_URL'] ?? '')
      onTestFinished(() => admin.disconnect())
      for (const line of String(await admin.client('LIST')).split('\n')) {
        if (line.includes(connectionName) && line.includes('cmd=subscribe')) await admin.client('KILL', 'ID', /id=(\d+)/.exec(line)?.[1] ?? '')
      }
      await vi.waitFor(() => expect(events).toEqual(['nest: the connection to Redis is lost, and no further attempt is made (retryAttempts)']))
    })

    test('is heard: NATS, when the attempts are used up', async () => {
      const broker = await startBroker('nats')
      if (!broker.ok) throw new Error(broker.message)
      onTestFinished(async () => broker.stop())
      const { events } = await watched(nest, { ...nats, client: async () => ({ ask: async () => [], tell: undefined, close: () => {} }) }, { servers: [broker.url], maxReconnectAttempts: 1, reconnectTimeWait: 10 })
      await broker.kill()
      await vi.waitFor(() => expect(events).toEqual([expect.stringMatching(/^nest: /)]), 5_000)
    })

    test('is heard: a Kafka consumer that a message has poisoned', async () => {
      const { events, world } = await watched(nest, kafka, { consumer: { groupId: randomUUID(), maxWaitTimeInMs: 100, retry: { retries: 0, restartOnFailure: async () => false } } })
      world.finish()
      await world.tell('failingNote')
      await vi.waitFor(() => expect(events).toEqual([expect.stringMatching(/^nest: /)]), 10_000)
    })
  })
}

async function watched(nest: Nest, transport: Transport, options: object): Promise<{ events: string[]; world: Awaited<ReturnType<typeof started>> }> {
  const events: string[] = []
  const world = await started(nest, transport, { options })
  world.lifecycle.subscribe((event: LifecycleEvent) => {
    if (event.type === 'resource-ended') events.push(`${event.name}: ${event.why}`)
  })
  return { events, world }
}

interface Bus {
  deliver(): Promise<unknown>
  onClose: () => void
}

async function withStrategy(nest: Nest): Promise<{ app: INestApplication; bus: Bus; Bus: { prototype: object }; lifecycle: ReturnType<typeof newLifecycle>; order: string[]; finish: () => void }> {
  const order: string[] = []
  let finish = (): void => {}
  const finished = new Promise<void>((resolve) => (finish = resolve))

  class Bus extends nest.microservices.Server {
    onClose = (): void => {}
    listen(callback: () => void): void {
      callback()
    }
    close(): void {
      this.onClose()
      order.push('closed')
    }
    async deliver(): Promise<unknown> {
      return this.handleEvent('note', { pattern: 'note', data: 'it' }, {} as never)
    }
    on(): void {}
    unwrap(): never {
      throw new Error('nothing')
    }
  }
  class Notes {
    async note(): Promise<void> {
      await finished
      order.push('handled')
    }
    onModuleDestroy(): void {
      order.push('onModuleDestroy')
    }
  }
  nest.common.Controller()(Notes)
  decorate(Notes, 'note', nest.microservices.EventPattern('note'))
  const app = await nest.core.NestFactory.create({ module: class Root {}, controllers: [Notes] }, { logger: false, abortOnError: false })
  const bus = new Bus()
  app.connectMicroservice({ strategy: bus as never })
  await app.startAllMicroservices()
  return { app, bus: bus as unknown as Bus, Bus, lifecycle: newLifecycle(), order, finish }
}
