import type { Harness, Subject } from '@lameduck/conformance'
import { startServer } from '@lameduck/servers'
import { Cluster as Cluster6, Redis as Redis6 } from 'ioredis'
import { Cluster as Cluster5, Redis as Redis5, type RedisOptions } from 'ioredis-5'
import { Cluster as Cluster54, Redis as Redis54 } from 'ioredis-5.4'
import { createRequire } from 'node:module'
import { redis } from '../src/index.ts'

export type Redis = Redis5
export type Cluster = Cluster5
export type { ClusterOptions as ClusterOptions5, RedisOptions as RedisOptions5 } from 'ioredis-5'

/** Each version of ioredis that is supported, under one type: what the tests use is the same in all. */
export const versions = [
  { version: '5.4.0', alias: 'ioredis-5.4', Redis: Redis54 as unknown as typeof Redis5, Cluster: Cluster54 as unknown as typeof Cluster5 },
  { version: '5', alias: 'ioredis-5', Redis: Redis5, Cluster: Cluster5 },
  { version: '6', alias: 'ioredis', Redis: Redis6 as unknown as typeof Redis5, Cluster: Cluster6 as unknown as typeof Cluster5 },
] as const

export type Version = (typeof versions)[number]

/** The version that an alias really resolved to. */
export function resolvedVersion(alias: string): string {
  return (createRequire(import.meta.url)(`${alias}/package.json`) as { version: string }).version
}

export type RedisServer = Extract<Awaited<ReturnType<typeof startServer>>, { ok: true }>

/** A server of one's own: it may be frozen and killed. */
export async function startRedis(): Promise<RedisServer> {
  const server = await startServer('redis', { private: true })
  if (!server.ok) throw new Error(server.message)
  return server
}

export function connectTo(server: RedisServer, constructor: typeof Redis5, options: RedisOptions = {}): Redis {
  const client = new constructor(server.url, options)
  client.on('error', () => {})
  return client
}

export interface RedisSubject extends Subject {
  readonly client: Redis
  readonly admin: Redis
  readonly key: string
  /** Makes its client give up when its connection is lost. */
  readonly giveUp: () => void
}

let lastKey = 0

/** A subject whose units of work are BLPOPs on one connection: the server holds each until an element is pushed. */
export function redisHarness(constructor: typeof Redis5, getServer: () => RedisServer): Harness<RedisSubject> {
  return {
    members: ['start', 'check', 'watch', 'quiesce', 'inFlight', 'waitingFor', 'tally', 'force'],
    afterQuiesce: 'serves',
    callers: 'here',
    async create() {
      const server = getServer()
      const admin = connectTo(server, constructor, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
      await admin.connect()
      let retryMs: number | null = 20
      const retryStrategy = (): number => retryMs as number
      const client = connectTo(server, constructor, { lazyConnect: true, connectionName: 'subject', retryStrategy })
      return { client, admin, key: `conformance:${(lastKey += 1)}`, resource: redis(client), giveUp: () => void (retryMs = null) }
    },
    async dispose({ client, admin }) {
      client.disconnect()
      client.stream?.destroy()
      admin.disconnect()
      admin.stream?.destroy()
      await getServer().thaw().catch(() => {})
      if (!isRunning(getServer().pid)) await getServer().restart()
    },
    busy({ client, admin, key }) {
      const element = `${key}:${(lastKey += 1)}`
      const outcome = client.blpop(element, 0).then(
        () => 'finished' as const,
        (error: Error) => error,
      )
      return { outcome, finish: async () => void (await admin.rpush(element, 'x')) }
    },
    offer: ({ client, key }) =>
      client.incr(key).then(
        () => true,
        (error: Error) => error,
      ),
    fail: endClient,
    end: endClient,
    drop: dropConnections,
    freeze: () => getServer().freeze(),
    thaw: () => getServer().thaw(),
    async kill({ client }) {
      const closed = new Promise((resolve) => client.once('close', resolve))
      await getServer().kill()
      await closed
    },
    connections: async ({ admin }) => (await connectionsOf(admin)).length,
  }
}

/** Ids of the subject's connections, as the server knows them. */
async function connectionsOf(admin: Redis): Promise<string[]> {
  const list = String(await admin.client('LIST'))
  return list.split('\n').flatMap((line) => (line.includes(' name=subject ') ? (/^id=(\d+) /.exec(line)?.[1] ?? []) : []))
}

async function dropConnections({ admin }: Pick<RedisSubject, 'admin'>): Promise<number> {
  const ids = await connectionsOf(admin)
  for (const id of ids) await admin.client('KILL', 'ID', id)
  return ids.length
}

async function endClient({ client, admin, giveUp }: RedisSubject): Promise<void> {
  const ended = client.status === 'end' ? undefined : new Promise((resolve) => client.once('end', resolve))
  giveUp()
  await dropConnections({ admin })
  await ended
}

export function isRunning(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0)
  } catch {
    return false
  }
}
