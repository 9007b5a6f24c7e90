import { EventEmitter, once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { Lifecycle } from '@lameduck/core'
import type { INestApplication } from '@nestjs/common'
import { concatMap, from } from 'rxjs'
import { io } from 'socket.io-client'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { nestApp } from '../../src/index.ts'
import { decorate, type Nest } from '../nest.ts'
import { drainingFor, stepOf } from './microservice-suite.ts'
import { host, newLifecycle } from './world.ts'

const kinds = [
  { title: 'ws on the port of the application', library: 'ws', hasOwnPort: false, path: undefined, polls: false },
  { title: 'ws on a port of its own', library: 'ws', hasOwnPort: true, path: undefined, polls: false },
  { title: 'ws on a port of its own, by path', library: 'ws', hasOwnPort: true, path: '/jobs', polls: false },
  { title: 'socket.io on the port of the application', library: 'socket.io', hasOwnPort: false, path: undefined, polls: false },
  { title: 'socket.io on the port of the application, polled', library: 'socket.io', hasOwnPort: false, path: undefined, polls: true },
  { title: 'socket.io on a port of its own', library: 'socket.io', hasOwnPort: true, path: undefined, polls: false },
  { title: 'socket.io on a port of its own, polled', library: 'socket.io', hasOwnPort: true, path: undefined, polls: true },
] as const

type Kind = (typeof kinds)[number]

interface GatewayWorld {
  readonly app: INestApplication
  readonly lifecycle: Lifecycle
  readonly order: string[]
  readonly arrived: Promise<void>
  finish(): void
  connect(): Promise<Client>
  /** How many connections have not been told to go. */
  open(): number
}

interface Client {
  /** The first answer. */
  ask(message: 'slow' | 'quick'): Promise<unknown>
  /** Sends what is never answered. */
  note(): unknown
  /** Why the connection ended. */
  readonly ended: Promise<unknown>
  /** Reads nothing, so that it does not hear that it is to go. */
  pause(): void
  resume(): void
}

/** A client asks meanwhile. */
const lameDuckMs = 500

/** The same tests for every major of Nest and both of its adapters. */
export function gatewaySuite(nest: Nest): void {
  describe.each(kinds)(`Nest ${nest.major}, a gateway of $title`, (kind) => {
    test('app.close() alone loses the answer to a message in hand: the naive stop', async () => {
      const world = await createGatewayWorld(nest, kind)
      await world.app.listen(0, host)
      const client = await world.connect()
      let answer: unknown = 'none'
      void client.ask('slow').then((text) => (answer = text), () => (answer = 'lost'))
      await world.arrived
      const closed = world.app.close()
      await vi.waitFor(() => expect(world.order).toContain('onModuleDestroy'))
      await client.ended
      world.finish()
      await vi.waitFor(() => expect(world.order).toContain('answered'))
      await closed
      expect(answer).not.toBe('it done')
    })

    test('a message in hand is answered, then the client is told to go, and its disconnect is handled to the end', async () => {
      const world = await createGatewayWorld(nest, kind)
      world.lifecycle.add(nestApp(world.app, { port: 0, host }))
      await world.lifecycle.start()
      const client = await world.connect()
      const idle = await world.connect()
      const answer = client.ask('slow')
      await world.arrived
      const stopped = world.lifecycle.stop()
      expect(await idle.ask('quick')).toBe('quick')
      await drainingFor(world.lifecycle)
      expect(await idle.ended).toBe(kind.library === 'ws' ? 1001 : 'transport close')
      await vi.waitFor(() => expect(world.order).toEqual(['left']))
      world.finish()
      expect(await answer).toBe('it done')
      // The poll that was open has brought the answer; there is nobody to ask again.
      expect(await client.ended).toBe(kind.library === 'ws' ? 1001 : kind.polls ? 'transport error' : 'transport close')
      const report = await stopped
      expect(stepOf(report)).toMatchObject({ outcome: 'drained', errors: [], work: { failed: 0, cut: 0, refused: 0 } })
      expect(report.result).toBe('clean')
      expect(stepOf(report)?.work?.done).toBeGreaterThanOrEqual(4)
      expect(world.order).toEqual(['left', 'answered', 'left', 'onModuleDestroy'])
    })

    // Catches: a doubt of http in what the gateway has counted.
    test('a message that is never answered is known to be over', async () => {
      const world = await createGatewayWorld(nest, kind)
      world.lifecycle.add(nestApp(world.app, { port: 0, host }))
      await world.lifecycle.start()
      const client = await world.connect()
      void client.note()
      await vi.waitFor(() => expect(world.order).toEqual(['noted']))
      const report = await world.lifecycle.stop()
      await client.ended
      expect(stepOf(report)).toMatchObject({ outcome: 'drained', work: { failed: 0, cut: 0, refused: 0, unknown: 0 } })
      expect(report.tookMs).toBeLessThan(lameDuckMs + 1_500)
    })

    test('a message that hangs is cut at the deadline, and named', async () => {
      const world = await createGatewayWorld(nest, kind)
      world.lifecycle.add(nestApp(world.app, { port: 0, host }))
      await world.lifecycle.start()
      const client = await world.connect()
      void client.ask('slow').catch(() => {})
      await world.arrived
      const stopped = world.lifecycle.stop()
      world.lifecycle.shrinkTo(600)
      const report = await stopped
      expect(report.result).toBe('forced')
      expect(stepOf(report)?.waitingFor).toContainEqual(expect.stringMatching(/^slow \d+\.\d s$/))
      // The message and its connection.
      expect(stepOf(report)?.work).toMatchObject({ cut: 2 })
      expect(world.order).toContain('onModuleDestroy')
    })
  })

  test(`Nest ${nest.major}, an adapter whose servers are not Node's is named at the start, with what to do`, async () => {
    const app = await createAdapterWorld(nest)
    const resource = nestApp(app, { port: 0, host })
    const lifecycle = newLifecycle()
    lifecycle.add(resource)
    await lifecycle.start()
    expect(resource.warnings).toEqual([
      "the gateways' adapter OtherAdapter has servers that are not Node's: what their clients have asked is finished, but they go on asking until app.close(). Close them in onDrain, an option of nestApp().",
    ])
  })

  describe.each(kinds.filter(({ polls }) => !polls))(`Nest ${nest.major}, a gateway of $title`, (kind) => {
    test('a message that crosses the goodbye is refused, and counted', async () => {
      const world = await createGatewayWorld(nest, kind)
      world.lifecycle.add(nestApp(world.app, { port: 0, host }))
      await world.lifecycle.start()
      const client = await world.connect()
      expect(await client.ask('quick')).toBe('quick')
      client.pause()
      const stopped = world.lifecycle.stop()
      await vi.waitFor(() => expect(world.open()).toBe(0))
      void client.ask('quick').catch(() => {})
      client.resume()
      await client.ended
      const report = await stopped
      expect(report.result).toBe('unknown')
      expect(stepOf(report)).toMatchObject({ outcome: 'drained', work: { refused: 1 } })
    })
  })
}

async function createAdapterWorld(nest: Nest): Promise<INestApplication> {
  class Jobs {}
  nest.websockets.WebSocketGateway(8_081)(Jobs)
  const app = await nest.core.NestFactory.create({ module: class Root {}, providers: [Jobs] }, { logger: false, abortOnError: false })
  class OtherAdapter extends nest.websockets.AbstractWsAdapter {
    override create(): EventEmitter {
      return new EventEmitter()
    }
    override bindMessageHandlers(): void {}
  }
  app.useWebSocketAdapter(new OtherAdapter(app))
  return app
}

async function createGatewayWorld(nest: Nest, { library, hasOwnPort, path, polls }: Kind): Promise<GatewayWorld> {
  const { WebSocketGateway, SubscribeMessage, MessageBody, WebSocketServer } = nest.websockets
  const order: string[] = []
  let arrive = (): void => {}
  let finish = (): void => {}
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  const finished = new Promise<void>((resolve) => (finish = resolve))

  class Jobs {
    server?: { clients?: Set<WebSocket>; engine?: { clientsCount: number } }
    quick(): string {
      return 'quick'
    }
    async note(): Promise<void> {
      await Promise.resolve()
      order.push('noted')
    }
    slow(text: string): unknown {
      arrive()
      return from([text]).pipe(concatMap(async () => {
        await finished
        order.push('answered')
        return `${text} done`
      }))
    }
    async handleDisconnect(): Promise<void> {
      await setTimeout(20)
      order.push('left')
    }
    onModuleDestroy(): void {
      order.push('onModuleDestroy')
    }
  }
  const port = hasOwnPort ? await freePort() : 0
  WebSocketGateway(port, path === undefined ? {} : { path })(Jobs)
  for (const message of ['quick', 'slow', 'note']) decorate(Jobs, message, SubscribeMessage(message))
  MessageBody()(Jobs.prototype, 'slow', 0)
  WebSocketServer()(Jobs.prototype, 'server')
  const app = await nest.core.NestFactory.create({ module: class Root {}, providers: [Jobs] }, { logger: false, abortOnError: false })
  app.useWebSocketAdapter(new nest.adapters[library](app))
  const address = (): string => `${host}:${port || ((app.getHttpServer() as Server).address() as AddressInfo).port}`
  const connect = (): Promise<Client> => (library === 'ws' ? connectByWs(`ws://${address()}${path ?? ''}`) : connectByIo(`http://${address()}`, polls))
  const open = (): number => {
    const { server } = app.get(Jobs)
    return server?.engine?.clientsCount ?? [...(server?.clients ?? [])].filter(({ readyState }) => readyState === WebSocket.OPEN).length
  }
  return { app, lifecycle: newLifecycle(lameDuckMs), order, arrived, finish, connect, open }
}

async function connectByWs(url: string): Promise<Client> {
  const socket = new WebSocket(url)
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  return {
    async ask(event) {
      socket.send(JSON.stringify({ event, data: 'it' }))
      const [answer] = (await once(socket, 'message')) as [Buffer]
      return JSON.parse(answer.toString()) as unknown
    },
    note: () => socket.send(JSON.stringify({ event: 'note', data: 'it' })),
    ended: once(socket, 'close').then(([code]) => code as unknown),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  }
}

async function connectByIo(url: string, polls: boolean): Promise<Client> {
  const socket = io(url, { transports: [polls ? 'polling' : 'websocket'], reconnection: false, forceNew: true })
  onTestFinished(() => void socket.disconnect())
  const ended = new Promise((resolve) => void socket.once('disconnect', resolve))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  const transport = socket.io.engine.transport as unknown as { ws: WebSocket }
  return {
    ask: async (message) => socket.emitWithAck(message, 'it') as Promise<unknown>,
    note: () => socket.emit('note', 'it'),
    ended,
    pause: () => transport.ws.pause(),
    resume: () => transport.ws.resume(),
  }
}

/** Gateways take no 0 for a port of their own. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
