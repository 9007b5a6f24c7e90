import type { Harness, Subject } from '@lameduck/conformance'
import { startServer } from '@lameduck/servers'
import { Redis as Redis6 } from 'ioredis'
import { Redis as Redis5, type RedisOptions } from 'ioredis-5'
import { createRequire } from 'node:module'
import type { RedisClient } from '../src/index.ts'
import { redis } from '../src/index.ts'

export type Redis = Redis5
export type { RedisOptions as RedisOptions5 } from 'ioredis-5'

/** Each version of ioredis that is supported, under one type: what the tests use is the same in both. */
export const versions = [
  { major: 5, alias: 'ioredis-5', Redis: Redis5 },
  { major: 6, alias: 'ioredis', Redis: Redis6 as unknown as typeof Redis5 },
] as const

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
}

let lastKey = 0

/** A subject whose units of work are BLPOPs on one connection: the server holds each until an element is pushed. */
export function redisHarness(constructor: typeof Redis5, getServer: () => RedisServer): Harness<RedisSubject> {
  return {
    members: ['start', 'check', 'inFlight', 'force'],
    afterQuiesce: 'serves',
    async create() {
      const server = getServer()
      const admin = connectTo(server, constructor, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
      await admin.connect()
      const client = connectTo(server, constructor, { lazyConnect: true, connectionName: 'subject' })
      return { client, admin, key: `conformance:${(lastKey += 1)}`, resource: redis(client) }
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
        () => 'failed' as const,
      )
      return { outcome, finish: async () => void (await admin.rpush(element, 'x')) }
    },
    offer: ({ client, key }) =>
      client.incr(key).then(
        () => true,
        () => false,
      ),
    freeze: () => getServer().freeze(),
    thaw: () => getServer().thaw(),
    async kill({ client }) {
      const closed = new Promise((resolve) => client.once('close', resolve))
      await getServer().kill()
      await closed
    },
    async connections({ admin }) {
      const list = String(await admin.client('LIST'))
      return list.split('\n').filter((line) => line.includes(' name=subject ')).length
    },
  }
}

export function isRunning(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The real client satisfies the structural type, in both versions. */
export const satisfies: readonly ((client: Redis5 & Redis6) => RedisClient)[] = [(client: Redis5) => client, (client: Redis6) => client]
