import { startServer } from '@lameduck/servers'
import { Cluster as Cluster6 } from 'ioredis'
import { Cluster as Cluster5, type ClusterOptions } from 'ioredis-5'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { redis } from '../src/index.ts'
import { countSettled, drainContext, timeForce } from './contexts.ts'
import { connectTo, versions, type RedisServer } from './harness.ts'

const clusters = [
  { major: 5, Cluster: Cluster5 },
  { major: 6, Cluster: Cluster6 as unknown as typeof Cluster5 },
] as const

// A cluster of one node that holds every slot: real, but without redirections and replicas.
let server: RedisServer
beforeAll(async () => {
  const started = await startServer('redis', { private: true, args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] })
  if (!started.ok) throw new Error(started.message)
  server = started
  const admin = connectTo(server, versions[0].Redis)
  await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await vi.waitFor(async () => expect(await admin.call('CLUSTER', 'INFO')).toContain('cluster_state:ok'), { timeout: 10_000 })
  admin.disconnect()
})
afterAll(() => server.stop())

describe.each(clusters)('redis() with a Cluster of ioredis $major', ({ major, Cluster }) => {
  async function connected(options: ClusterOptions = {}): Promise<Cluster5> {
    const { hostname, port } = new URL(server.url)
    const client = new Cluster([{ host: hostname, port: Number(port) }], { ...options, lazyConnect: true })
    client.on('error', () => {})
    onTestFinished(async () => {
      await server.thaw()
      client.disconnect()
    })
    await redis(client).start?.({ signal: new AbortController().signal })
    return client
  }

  test.each([false, true])('drain finishes 300 commands in flight (auto-pipelined: %s)', async (enableAutoPipelining) => {
    const client = await connected({ enableAutoPipelining })
    const key = `cluster:${major}:${String(enableAutoPipelining)}`
    const resource = redis(client)
    await resource.check?.({ signal: new AbortController().signal })
    const commands = Array.from({ length: 300 }, () => client.incr(key))
    expect(resource.inFlight?.()).toBe(300)
    await resource.drain(drainContext(5_000))
    expect(await countSettled(commands)).toEqual({ fulfilled: 300, rejected: 0 })
    expect(client.status).toBe('end')
    expect(await (await connected()).get(key)).toBe('300')
  })

  test('a frozen node: force takes below 50 ms, and every promise settles', async () => {
    const client = await connected()
    const resource = redis(client)
    await server.freeze()
    const commands = Array.from({ length: 100 }, () => client.incr('cluster:frozen'))
    expect(await timeForce(resource)).toBeLessThan(50)
    expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 100 })
    if (client.status !== 'end') await once(client, 'end')
    expect(resource.inFlight?.()).toBe(0)
  })
})
