import { afterAll, afterEach, beforeAll, expect, onTestFinished } from 'vitest'
import { connectTo, isRunning, startRedis, type Redis, type RedisOptions5, type RedisServer, type Version } from './harness.ts'

export interface ServerSubjects {
  readonly server: () => RedisServer
  readonly nextKey: () => string
  /** A client that is closed with the test. */
  readonly create: (constructor: Version['Redis'], options?: RedisOptions5) => Redis
  readonly connected: (constructor: Version['Redis'], options?: RedisOptions5) => Promise<Redis>
}

/** A server for all tests of a file; what a test has frozen or killed runs again for the next one. */
export function useServer(): ServerSubjects {
  let server: RedisServer
  let lastKey = 0
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  afterEach(async () => {
    await server.thaw().catch(() => {})
    if (!isRunning(server.pid)) await server.restart()
  })
  return { server: () => server, nextKey: () => `key:${(lastKey += 1)}`, create, connected }

  function create(constructor: Version['Redis'], options: RedisOptions5 = {}): Redis {
    const client = connectTo(server, constructor, options)
    onTestFinished(() => {
      client.disconnect()
      client.stream?.destroy()
    })
    return client
  }

  async function connected(constructor: Version['Redis'], options: RedisOptions5 = {}): Promise<Redis> {
    const client = create(constructor, { ...options, lazyConnect: true })
    await client.connect()
    return client
  }
}

/** Resolves when so many clients of the server are blocked. */
export async function untilBlocked(admin: { info(section: string): Promise<string> }, count: number): Promise<void> {
  await expect.poll(async () => /blocked_clients:(\d+)/.exec(await admin.info('clients'))?.[1]).toBe(String(count))
}
