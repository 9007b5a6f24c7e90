import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { tcpLink, type TcpLink } from '@lameduck/conformance'
import { connectAsync } from 'mqtt'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { nestApp } from '../../src/index.ts'
import type { Nest } from '../nest.ts'
import { drainingFor, started, stepOf } from './microservice-suite.ts'
import { grpc, kafka, mqtt, nats, rabbitmq, redis, tcp, type Transport } from './transports.ts'
import { createWorld, host, type World } from './world.ts'

/** What is particular to one transport, or to none of Nest's own. */
export function intakeSuite(nest: Nest): void {
  describe(`Nest ${nest.major}, what comes after the signal`, () => {
    test.each([redis, mqtt])('is not taken from $name', async (transport) => {
      const world = await stopping(nest, transport)
      await world.tell('note', 'late')
      await world.end()
      expect(world.order).toEqual(['answered', 'onModuleDestroy'])
    })

    test.each([nats, rabbitmq, kafka])('goes to another from $name', async (transport) => {
      const world = await stopping(nest, transport)
      // The others keep it for whoever comes.
      const before = transport === nats ? await createWorld(nest, transport, { group: world.group }) : undefined
      // Many, for NATS gives each to a random one.
      const late = Array.from({ length: 20 }, (_, index) => `late ${index}`)
      for (const text of late) await world.tell('note', text)
      await world.end()
      expect(world.order).toEqual(['answered', 'onModuleDestroy'])
      const other = before ?? (await createWorld(nest, transport, { group: world.group }))
      other.finish()
      await vi.waitFor(() => expect(other.order.toSorted()).toEqual(late.map((text) => `noted ${text}`).toSorted()), 10_000)
      await other.app.close()
    })

    test.each([tcp, grpc])('is still served by $name during the lame duck', async (transport) => {
      const world = await started(nest, transport, { lameDuckMs: 1_000 })
      world.finish()
      expect(await world.ask('slow')).toHaveLength(1)
      const stopped = world.lifecycle.stop()
      expect(await world.ask('slow')).toHaveLength(1)
      const other = await world.newClient()
      expect(await other.ask(transport === grpc ? 'slow' : `${world.group}.slow`, 'it')).toHaveLength(1)
      expect(stepOf(await stopped)).toMatchObject({ outcome: 'drained', work: { done: 2, refused: 0 } })
    })

    test('may not come from a gRPC client that connected before nestApp() and is silent: it holds nothing', async () => {
      const world = await createWorld(nest, grpc)
      world.finish()
      expect(await world.ask('slow')).toEqual(['it'])
      world.lifecycle.add(nestApp(world.app, { port: 0, host }))
      await world.lifecycle.start()
      expect(await world.lifecycle.stop()).toMatchObject({ result: 'clean' })
    })

    test('on a TCP connection that has ended is refused, and counted', async () => {
      const world = await started(nest, tcp)
      const { port } = (world.server as { server: Server }).server.address() as AddressInfo
      const client = connect({ port, host, allowHalfOpen: true })
      onTestFinished(() => void client.destroy())
      send(client, world, '1')
      await world.arrived
      const stopped = world.lifecycle.stop()
      await drainingFor(world.lifecycle)
      world.finish()
      let received = ''
      client.on('data', (data: Buffer) => (received += data.toString()))
      await once(client, 'end')
      send(client, world, '2')
      client.end()
      const report = await stopped
      expect(received).toContain('"id":"1"')
      expect(received).not.toContain('"id":"2"')
      expect(report.result).toBe('unknown')
      expect(stepOf(report)?.work).toMatchObject({ done: 1, refused: 1, reasons: [`${world.group}.slow: refused`] })
      expect(world.order).toEqual(['answered', 'onModuleDestroy'])
    })
  })

  describe.each([redis, nats, mqtt, rabbitmq])(`Nest ${nest.major}, a reply that $name does not take`, (transport) => {
    test('is waited for, and not called delivered', async () => {
      const { link, options } = await throughLink(transport)
      const world = await started(nest, transport, { options })
      void world.ask('slow').catch(() => {})
      await world.arrived
      const stopped = world.lifecycle.stop()
      world.lifecycle.shrinkTo(1_500)
      await drainingFor(world.lifecycle)
      link.freeze()
      world.finish()
      const report = await stopped
      expect(report.result).toBe('forced')
      expect(world.order).toContain('answered')
    })
  })

  describe(`Nest ${nest.major}, acknowledgements`, () => {
    test('offsets that a Kafka handler commits by hand are committed while it stops', { timeout: 90_000 }, async () => {
      const options = { run: { autoCommit: false } }
      const world = await createWorld(nest, kafka, { options, commits: true })
      world.lifecycle.add(nestApp(world.app, { port: 0, host }))
      await world.lifecycle.start()
      await world.tell('note', 'first')
      await world.arrived
      await world.tell('note', 'second')
      const stopped = world.lifecycle.stop()
      world.finish()
      expect(await stopped).toMatchObject({ result: 'clean' })
      expect(world.order).toEqual(['noted first', 'onModuleDestroy'])
      const other = await createWorld(nest, kafka, { options, commits: true, group: world.group })
      other.finish()
      // A broker whose machine is busy takes its time with the new member of the group.
      await vi.waitFor(() => expect(other.order).toEqual(['noted second']), 40_000)
      await other.app.close()
    })

    test('what a RabbitMQ handler has acknowledged does not come again, what it has not does', async () => {
      const options = { noAck: false, prefetchCount: 10 }
      const world = await createWorld(nest, rabbitmq, { options, commits: true })
      world.lifecycle.add(nestApp(world.app, { port: 0, host }))
      await world.lifecycle.start()
      await world.tell('note', 'first')
      await world.tell('failingNote', 'second')
      await vi.waitFor(() => expect(world.arrivals()).toBe(2))
      const stopped = world.lifecycle.stop()
      world.finish()
      expect(stepOf(await stopped)).toMatchObject({ outcome: 'failed', work: { done: 1, failed: 1 } })
      const other = await createWorld(nest, rabbitmq, { options, commits: true, group: world.group })
      other.finish()
      await other.arrived
      await vi.waitFor(() => expect(other.order).toEqual(['failing']))
      await other.app.close()
    })

    test('a session that the MQTT broker keeps goes on to keep messages, and the next process gets them', async () => {
      const group = `keeping-${randomUUID()}`
      const options = { clean: false, clientId: group, subscribeOptions: { qos: 1 } }
      const keeping = await started(nest, mqtt, { options, group })
      const publisher = await connectAsync(process.env['MQTT_URL'] ?? '')
      onTestFinished(async () => publisher.endAsync())
      const note = async (text: string): Promise<unknown> => publisher.publishAsync(`${group}.note`, JSON.stringify({ pattern: `${group}.note`, data: text }), { qos: 1 })
      await note('first')
      await keeping.arrived
      const stopped = keeping.lifecycle.stop()
      await note('second')
      await drainingFor(keeping.lifecycle)
      keeping.finish()
      expect(await stopped).toMatchObject({ result: 'clean' })
      expect(keeping.order).toEqual(['noted first', 'onModuleDestroy'])
      await note('third')
      const next = await createWorld(nest, mqtt, { options, group })
      next.finish()
      await vi.waitFor(() => expect(next.order).toEqual(['noted second', 'noted third']))
      await next.app.close()
    })
  })
}

/** How each is told of a broker behind a link. */
const links: Record<string, { variable: string; readonly options: (link: TcpLink, url: string) => object }> = {
  Redis: { variable: 'REDIS_URL', options: ({ host: linked, port }) => ({ host: linked, port }) },
  NATS: { variable: 'NATS_URL', options: (_link, url) => ({ servers: [url] }) },
  MQTT: { variable: 'MQTT_URL', options: (_link, url) => ({ url }) },
  RabbitMQ: { variable: 'AMQP_URL', options: (_link, url) => ({ urls: [url] }) },
}

async function throughLink({ name }: Transport): Promise<{ link: TcpLink; options: object }> {
  const { variable = '', options } = links[name] ?? {}
  const url = new URL(process.env[variable] ?? '')
  const link = await tcpLink({ host: url.hostname, port: Number(url.port) })
  onTestFinished(async () => link.close())
  url.host = `${link.host}:${link.port}`
  return { link, options: options?.(link, url.href) ?? {} }
}

interface Stopping extends World {
  /** Lets it end what it has in hand, and stop. */
  end(): Promise<void>
}

/** A world that has been told to stop, and has a request in hand. */
async function stopping(nest: Nest, transport: Transport): Promise<Stopping> {
  const world = await started(nest, transport)
  const answer = world.ask('slow')
  await world.arrived
  const stopped = world.lifecycle.stop()
  await drainingFor(world.lifecycle)
  return {
    ...world,
    async end() {
      world.finish()
      expect(await answer).toEqual(['it done'])
      expect(await stopped).toMatchObject({ result: 'clean' })
    },
  }
}

/** As Nest's client does. */
function send(socket: Socket, { group }: World, id: string): void {
  const message = JSON.stringify({ pattern: `${group}.slow`, data: 'it', id })
  socket.write(`${message.length}#${message}`)
}
