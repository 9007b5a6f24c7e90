import type { LifecycleEvent } from '@lameduck/core'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { blockingRedis, redis } from '../src/index.ts'
import { started } from './contexts.ts'
import { versions } from './harness.ts'
import { untilBlocked, useServer } from './server-subjects.ts'

const { server, nextKey, connected } = useServer()

describe.each(versions)('a client of ioredis $version that has ended', ({ Redis, Cluster }) => {
  const ended = ({ type }: LifecycleEvent): boolean => type === 'resource-ended'

  test.each([
    ['redis', redis],
    ['redis (blocking)', blockingRedis],
  ])('by itself, since its retryStrategy gave up, has died for good: that is told, and no later stop is clean (%s)', async (name, make) => {
    const client = await connected(Redis, { retryStrategy: () => null as unknown as number })
    const lifecycle = await started(make(client))
    const events: LifecycleEvent[] = []
    const heard = new Promise<void>((resolve) => lifecycle.subscribe((event) => (events.push(event), ended(event) && resolve())))
    await server().kill()
    await heard
    const why = 'it has given up connecting (its retryStrategy), and no command will be sent again'
    expect(events.filter(ended)).toEqual([{ type: 'resource-ended', name, why }])
    const report = await lifecycle.stop()
    expect(report).toMatchObject({ result: 'failed', steps: [{ outcome: 'failed', errors: [`it ended by itself before the stop: ${why}`] }] })
  })

  test.each([
    ['quit()', (client: { quit(): Promise<unknown> }) => client.quit()],
    ['disconnect()', (client: { disconnect(): void }) => client.disconnect()],
  ])('since somebody closed it by %s, has not died, and may be connected again', async (_how, close) => {
    const client = await connected(Redis)
    const lifecycle = await started(redis(client))
    const events: LifecycleEvent[] = []
    lifecycle.subscribe((event) => events.push(event))
    const end = once(client, 'end')
    await close(client)
    await end
    await client.connect()
    expect(events.filter(ended)).toEqual([])
    expect((await lifecycle.stop()).result).toBe('clean')
  })

  test('and loses its connection only for a while, has not died', async () => {
    const client = await connected(Redis, { retryStrategy: () => 20 })
    const admin = await connected(Redis)
    const lifecycle = await started(redis(client))
    const events: LifecycleEvent[] = []
    lifecycle.subscribe((event) => events.push(event))
    const ready = once(client, 'ready')
    await admin.client('KILL', 'ID', await client.client('ID'))
    await ready
    expect(events.filter(ended)).toEqual([])
    expect((await lifecycle.stop()).result).toBe('clean')
  })

  test('is told of a Cluster, too, whose clusterRetryStrategy gives up', async () => {
    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { clusterRetryStrategy: () => null as unknown as number, lazyConnect: true })
    cluster.on('error', () => {})
    const whys: unknown[] = []
    const heard = new Promise<void>((resolve) => redis(cluster).watch?.((why) => (whys.push(why), resolve())))
    await expect(cluster.connect()).rejects.toThrow()
    await heard
    expect(whys).toHaveLength(1)
  })

  test('by its drain or a cut has not died', async () => {
    const [client, other, admin] = [await connected(Redis), await connected(Redis), await connected(Redis)]
    const whys: unknown[] = []
    const [drained, cut] = [redis(client), blockingRedis(other)]
    for (const resource of [drained, cut]) resource.watch?.((why) => whys.push(why))
    other.blpop(nextKey(), 0).catch(() => {})
    await untilBlocked(admin, 1)
    const ends = [once(client, 'end'), once(other, 'end')]
    await drained.drain({ reason: { kind: 'programmatic' }, deadline: performance.now() + 5_000, remaining: () => 5_000, signal: new AbortController().signal })
    await cut.force?.({ reason: { kind: 'programmatic' }, boundMs: 50 })
    await Promise.all(ends)
    expect(whys).toEqual([])
  })
})
