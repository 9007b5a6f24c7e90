import type { AddressInfo, Server } from 'node:net'
import type { ClientGrpc, ClientProxy, TcpClientOptions } from '@nestjs/microservices'
import { Kafka, logLevel } from 'kafkajs'
import { firstValueFrom, toArray, type Observable } from 'rxjs'
import { expect, vi } from 'vitest'
import type { Nest } from '../nest.ts'

/** One way to send messages to a microservice. */
export interface Client {
  /** All answers to one message. */
  ask(pattern: string, text: string): Promise<unknown[]>
  /** `undefined` where the transport has no events. */
  tell: ((pattern: string, text: string) => Promise<unknown>) | undefined
  close(): unknown
}

export interface Transport {
  readonly name: string
  /** Whether the broker has subscribers rather than a connection to each of them. */
  readonly isConsumer: boolean
  /** What `connectMicroservice` takes. Every `group` has what it needs of the broker for itself. */
  server(group: string): object
  /** A client of what listens. */
  client(nest: Nest, group: string, server: object): Promise<Client>
  /** Makes what the broker needs before. */
  prepare?(group: string, patterns: readonly string[]): Promise<void>
}

const host = '127.0.0.1'
const proto = { package: 'jobs', protoPath: new URL('jobs.proto', import.meta.url).pathname }

export const tcp: Transport = {
  name: 'TCP',
  isConsumer: false,
  server: () => ({ transport: 0, options: { host, port: 0 } }),
  client: async (nest, _group, { server }: { server?: Server }) => proxyClient(nest, { transport: 0, options: { host, port: portOf(server) } }),
}

export const grpc: Transport = {
  name: 'gRPC',
  isConsumer: false,
  server: () => ({ transport: 4, options: { ...proto, url: `${host}:0` } }),
  async client(nest, _group, { grpcClient }: { grpcClient?: { http2Servers: Map<Server, unknown> } }) {
    const [server] = grpcClient?.http2Servers.keys() ?? []
    const client = nest.microservices.ClientProxyFactory.create({ transport: 4, options: { ...proto, url: `${host}:${portOf(server)}` } }) as ClientGrpc & { close(): void }
    const service = client.getService<Record<'slow' | 'count', (note: { text: string }) => Observable<{ text: string }>>>('Jobs')
    return {
      ask: async (pattern, text) => (await firstValueFrom(service[pattern as 'slow' | 'count']({ text }).pipe(toArray()))).map((note) => note.text),
      tell: undefined,
      close: () => client.close(),
    }
  },
}

export const redis: Transport = {
  name: 'Redis',
  isConsumer: true,
  server: () => ({ transport: 1, options: redisOptions() }),
  client: (nest) => proxyClient(nest, { transport: 1, options: redisOptions() }),
}

export const nats: Transport = {
  name: 'NATS',
  isConsumer: true,
  server: (group) => ({ transport: 2, options: { servers: [process.env['NATS_URL']], queue: group } }),
  client: (nest) => proxyClient(nest, { transport: 2, options: { servers: [process.env['NATS_URL']] } }),
}

export const mqtt: Transport = {
  name: 'MQTT',
  isConsumer: true,
  server: () => ({ transport: 3, options: { url: process.env['MQTT_URL'] } }),
  client: (nest) => proxyClient(nest, { transport: 3, options: { url: process.env['MQTT_URL'] } }),
}

export const rabbitmq: Transport = {
  name: 'RabbitMQ',
  isConsumer: true,
  server: (group) => ({ transport: 5, options: { ...rabbitOptions(group), noAck: true } }),
  client: (nest, group) => proxyClient(nest, { transport: 5, options: rabbitOptions(group) }),
}

export const kafka: Transport = {
  name: 'Kafka',
  isConsumer: true,
  server: (group) => ({ transport: 6, options: kafkaOptions(group) }),
  client: (nest, group) => proxyClient(nest, { transport: 6, options: kafkaOptions(group) }, [`${group}.slow`, `${group}.count`, `${group}.fail`]),
  async prepare(_group, patterns) {
    const admin = new Kafka({ brokers: brokers(), logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const topics = patterns.flatMap((topic) => [topic, `${topic}.reply`])
    // It waits for leaders by itself, but rejects where a busy broker does not know all topics yet.
    await admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: 1 })), waitForLeaders: false })
    await vi.waitFor(async () => {
      const { topics: known } = await admin.fetchTopicMetadata({ topics })
      expect(known.flatMap(({ partitions }) => partitions).filter(({ leader }) => leader >= 0)).toHaveLength(topics.length)
    }, 30_000)
    await admin.disconnect()
  },
}

async function proxyClient(nest: Nest, options: object, replies: readonly string[] = []): Promise<Client> {
  const client: ClientProxy & { subscribeToResponseOf?(pattern: string): void } = nest.microservices.ClientProxyFactory.create(options as TcpClientOptions)
  for (const pattern of replies) client.subscribeToResponseOf?.(pattern)
  await client.connect()
  return {
    ask: (pattern, text) => firstValueFrom(client.send<unknown>(pattern, text).pipe(toArray())),
    tell: (pattern, text) => firstValueFrom(client.emit<unknown>(pattern, text), { defaultValue: undefined }),
    close: () => client.close() as unknown,
  }
}

function redisOptions(): object {
  const { hostname, port } = new URL(process.env['REDIS_URL'] ?? '')
  return { host: hostname, port: Number(port) }
}

function rabbitOptions(queue: string): object {
  return { urls: [process.env['AMQP_URL']], queue, queueOptions: { durable: false } }
}

function kafkaOptions(groupId: string): object {
  return { client: { brokers: brokers(), logLevel: logLevel.NOTHING }, consumer: { groupId, maxWaitTimeInMs: 100 }, subscribe: { fromBeginning: true } }
}

function brokers(): string[] {
  return (process.env['KAFKA_BROKERS'] ?? '').split(',')
}

function portOf(server: Server | undefined): number {
  return (server?.address() as AddressInfo | undefined)?.port ?? 0
}
