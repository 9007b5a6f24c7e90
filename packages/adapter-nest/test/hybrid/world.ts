import 'reflect-metadata'
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { createLifecycle, type Lifecycle } from '@lameduck/core'
import type { INestApplication } from '@nestjs/common'
import { concatMap, from } from 'rxjs'
import { onTestFinished } from 'vitest'
import { decorate, type Nest } from '../nest.ts'
import type { Client, Transport } from './transports.ts'

export const host = '127.0.0.1'

/** A hybrid application with one microservice that listens, and one client of it. */
export interface World {
  readonly app: INestApplication
  readonly lifecycle: Lifecycle
  /** Of the microservice, as Nest has it. */
  readonly server: object
  /** What happened, in order. */
  readonly order: string[]
  /** By which the broker knows it; a second world of the same group shares its messages. */
  readonly group: string
  ask(method: 'slow' | 'count' | 'fail', text?: string): Promise<unknown[]>
  tell(method: 'note' | 'failingNote', text?: string): Promise<unknown>
  newClient(): Promise<Client>
  /** Resolves when a `slow` request or a `note` is being handled. */
  readonly arrived: Promise<void>
  /** How many messages have begun to be handled. */
  arrivals(): number
  /** Lets what is being handled end, and whatever comes later at once. */
  finish(): void
}

export interface WorldOptions {
  /** Further options of the microservice. */
  readonly options?: object
  readonly group?: string
  /** Whether a `note` commits its offset, or acknowledges itself, when it is done. */
  readonly commits?: boolean
  /** Whether an interceptor stands before the methods, which are called when its Observable is subscribed to. */
  readonly intercepted?: boolean
  /** For a test that asks meanwhile. @default 100 */
  readonly lameDuckMs?: number
  /** @default nothing */
  readonly beforeConnect?: (app: INestApplication, lifecycle: Lifecycle) => Promise<void>
}

/** What Nest gives a handler of Kafka, or of RabbitMQ. */
interface Context {
  getMessage(): { offset: string }
  getTopic(): string
  getPartition(): number
  getConsumer?(): { commitOffsets(offsets: object[]): Promise<void> }
  getChannelRef(): { ack(message: object): void }
}

export async function createWorld(nest: Nest, transport: Transport, { options = {}, group = `hybrid-${randomUUID()}`, commits = false, intercepted = false, lameDuckMs, beforeConnect = async () => {} }: WorldOptions = {}): Promise<World> {
  const { MessagePattern, EventPattern, GrpcMethod } = nest.microservices
  const isGrpc = transport.name === 'gRPC'
  const order: string[] = []
  let arrivals = 0
  let setArrived = (): void => {}
  let finish = (): void => {}
  const arrived = new Promise<void>((resolve) => (setArrived = resolve))
  const arrive = (): void => {
    arrivals += 1
    setArrived()
  }
  const finished = new Promise<void>((resolve) => (finish = resolve))

  class Jobs {
    async slow(note: string | { text: string }): Promise<unknown> {
      arrive()
      await finished
      order.push('answered')
      return typeof note === 'string' ? `${note} done` : note
    }
    count(): unknown {
      arrive()
      return from(['1', '2', '3']).pipe(concatMap(async (text) => {
        await (text === '1' ? undefined : finished)
        order.push(text)
        return isGrpc ? { text } : text
      }))
    }
    async fail(): Promise<never> {
      arrive()
      await finished
      throw new nest.microservices.RpcException('no such job')
    }
    async note(text: string, context: Context): Promise<void> {
      arrive()
      await finished
      if (commits) await commit(context)
      order.push(`noted ${text}`)
    }
    async failingNote(): Promise<never> {
      arrive()
      await finished
      order.push('failing')
      throw new Error('the disk is full')
    }
    async onModuleDestroy(): Promise<void> {
      order.push('onModuleDestroy')
      await setTimeout(1)
    }
  }
  nest.common.Controller()(Jobs)
  if (intercepted) nest.common.UseInterceptors({ intercept: (_context: unknown, next: { handle(): unknown }) => next.handle() } as never)(Jobs)
  decorate(Jobs, 'slow', isGrpc ? GrpcMethod('Jobs', 'Slow') : MessagePattern(`${group}.slow`))
  decorate(Jobs, 'count', isGrpc ? GrpcMethod('Jobs', 'Count') : MessagePattern(`${group}.count`))
  decorate(Jobs, 'fail', MessagePattern(`${group}.fail`))
  nest.microservices.Payload()(Jobs.prototype, 'note', 0)
  nest.microservices.Ctx()(Jobs.prototype, 'note', 1)
  for (const method of ['note', 'failingNote']) decorate(Jobs, method, EventPattern(`${group}.${method}`))

  await transport.prepare?.(group, ['slow', 'count', 'fail', 'note', 'failingNote'].map((method) => `${group}.${method}`))
  const app = await nest.core.NestFactory.create({ module: class Root {}, controllers: [Jobs] }, { logger: false, abortOnError: false })
  const lifecycle = newLifecycle(lameDuckMs)
  await beforeConnect(app, lifecycle)
  const settings = transport.server(group) as { options: object }
  const connected = app.connectMicroservice({ ...settings, options: { ...settings.options, ...options } } as never)
  const { serverInstance: server } = connected as unknown as { serverInstance: object }
  await app.startAllMicroservices()
  const newClient = async (): Promise<Client> => {
    const client = await transport.client(nest, group, server)
    onTestFinished(async () => void (await client.close()))
    return client
  }
  const client = await newClient()
  const pattern = (method: string): string => (isGrpc ? method : `${group}.${method}`)
  return {
    app,
    lifecycle,
    server,
    order,
    group,
    arrived,
    arrivals: () => arrivals,
    finish,
    newClient,
    ask: (method, text = 'it') => client.ask(pattern(method), text),
    tell: (method, text = 'it') => client.tell?.(pattern(method), text) ?? Promise.reject(new Error('no events')),
  }
}

async function commit(context: Context): Promise<void> {
  const message = context.getMessage()
  if (!context.getConsumer) return context.getChannelRef().ack(message)
  await context.getConsumer().commitOffsets([{ topic: context.getTopic(), partition: context.getPartition(), offset: String(BigInt(message.offset) + 1n) }])
}

export function newLifecycle(lameDuckMs: number = 100): Lifecycle {
  const lifecycle = createLifecycle({ env: {}, policy: { lameDuck: { minMs: lameDuckMs, quietMs: 0, maxMs: lameDuckMs } } })
  onTestFinished(async () => {
    lifecycle.force()
    await lifecycle.stop()
  })
  return lifecycle
}
