import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import type { Lifecycle, Report, Resource, StepReport } from '@lameduck/core'
import { describe, expect, test, vi } from 'vitest'
import { nestApp } from '../../src/index.ts'
import type { Nest } from '../nest.ts'
import { grpc, kafka, mqtt, nats, rabbitmq, redis, tcp, type Transport } from './transports.ts'
import { createWorld, host, type World, type WorldOptions } from './world.ts'

const transports = [tcp, grpc, redis, nats, mqtt, rabbitmq, kafka]

/** The same tests for every major of Nest and every transport, on real brokers. */
export function microserviceSuite(nest: Nest): void {
  describe.each(transports)(`Nest ${nest.major}, a microservice on $name`, (transport) => {
    test('app.close() alone destroys modules under the message that is being handled, and loses its answer: the naive stop', async () => {
      const world = await createWorld(nest, transport)
      await world.app.listen(0, host)
      let answer: unknown = 'none'
      const asked = world.ask('slow').then((answers) => (answer = answers), () => (answer = 'lost'))
      await world.arrived
      const closed = world.app.close()
      await vi.waitFor(() => expect(world.order).toEqual(['onModuleDestroy']))
      // kafkajs waits for its handlers, which use then what is gone.
      if (transport === kafka) world.finish()
      await closed
      if (!transport.isConsumer || transport === kafka) await asked
      expect(world.order).toEqual(transport === kafka ? ['onModuleDestroy', 'answered'] : ['onModuleDestroy'])
      expect(answer).toEqual({ Kafka: ['it done'], TCP: 'lost', gRPC: 'lost' }[transport.name] ?? 'none')
    })

    test('a request in flight is answered, and counted, before modules are destroyed', async () => {
      const world = await started(nest, transport)
      const answer = world.ask('slow')
      await world.arrived
      const stopped = world.lifecycle.stop()
      await drainingFor(world.lifecycle)
      expect(world.order).toEqual([])
      world.finish()
      expect(await answer).toEqual([transport === grpc ? 'it' : 'it done'])
      const report = await stopped
      expect(report.result).toBe('clean')
      expect(stepOf(report)).toMatchObject({ outcome: 'drained', inFlight: { atStop: 1 }, work: { done: 1, failed: 0, cut: 0, refused: 0 } })
      expect(world.order).toEqual(['answered', 'onModuleDestroy'])
    })

    test('a stream of answers is sent to its end', async () => {
      const world = await started(nest, transport)
      const answers = world.ask('count')
      await vi.waitFor(() => expect(world.order).toEqual(['1']))
      // The first answer has left.
      await vi.waitFor(() => expect(world.resource.inFlight?.()).toBe(1))
      const stopped = world.lifecycle.stop()
      await drainingFor(world.lifecycle)
      world.finish()
      expect(await answers).toEqual(['1', '2', '3'])
      expect(stepOf(await stopped)).toMatchObject({ outcome: 'drained', inFlight: { atStop: 1 } })
      expect(world.order).toEqual(['1', '2', '3', 'onModuleDestroy'])
    })

    test('a message that hangs is cut at the deadline, and named', async () => {
      const world = await started(nest, transport)
      void world.ask('slow').catch(() => {})
      await world.arrived
      const stopped = world.lifecycle.stop()
      world.lifecycle.shrinkTo(600)
      const report = await stopped
      expect(report.result).toBe('forced')
      const step = stepOf(report)
      expect(step).toMatchObject({ outcome: 'forced', inFlight: { atForce: 1 } })
      expect(step?.waitingFor).toEqual([expect.stringMatching(transport === grpc ? /^POST \/jobs.Jobs\/Slow \d/ : /^hybrid-.+\.slow \d+\.\d s$/)])
      expect(world.order).toEqual(['onModuleDestroy'])
    })
  })

  describe.each(transports.filter((transport) => transport !== grpc))(`Nest ${nest.major}, messages without a client that waits on $name`, (transport) => {
    test('are handled to their end', async () => {
      const world = await started(nest, transport)
      await world.tell('note')
      await world.arrived
      const stopped = world.lifecycle.stop()
      await drainingFor(world.lifecycle)
      world.finish()
      const report = await stopped
      expect(report.result).toBe('clean')
      expect(stepOf(report)).toMatchObject({ outcome: 'drained', inFlight: { atStop: 1 }, work: { done: 1 } })
      expect(world.order).toEqual(['noted it', 'onModuleDestroy'])
    })

    test('fail the step if they fail; a request that fails is answered', async () => {
      const world = await started(nest, transport)
      await world.tell('failingNote')
      await world.arrived
      const stopped = world.lifecycle.stop()
      world.finish()
      expect(stepOf(await stopped)).toMatchObject({ outcome: 'failed', work: { failed: 1, reasons: [expect.stringMatching(/failingNote: Internal server error$/)] } })

      const other = await started(nest, transport)
      const answer = other.ask('fail').catch((error: unknown) => error)
      await other.arrived
      const otherStopped = other.lifecycle.stop()
      other.finish()
      expect(JSON.stringify(await answer)).toContain('no such job')
      expect(stepOf(await otherStopped)).toMatchObject({ outcome: 'drained', work: { done: 1, failed: 0 } })
    })
  })
}

export async function started(nest: Nest, transport: Transport, options: WorldOptions = {}): Promise<World & { readonly resource: Resource }> {
  const world = await createWorld(nest, transport, options)
  const resource = nestApp(world.app, { port: 0, host })
  world.lifecycle.add(resource)
  await world.lifecycle.start()
  return { ...world, resource }
}

export function stepOf({ steps }: Report): StepReport | undefined {
  return steps.find(({ name }) => name === 'nest')
}

export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

/** The lame duck is over, and whatever does not wait for what is in hand has gone on. */
export async function drainingFor(lifecycle: Lifecycle): Promise<void> {
  await aborted(lifecycle.draining)
  for (let turns = 0; turns < 50; turns += 1) await setImmediate()
}
