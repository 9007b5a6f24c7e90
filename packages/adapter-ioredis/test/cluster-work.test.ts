import type { Report } from '@lameduck/core'
import { describe, expect, test } from 'vitest'
import { blockingRedis, redis } from '../src/index.ts'
import { useCluster } from './cluster-subjects.ts'
import { countSettled, neverWithin, started } from './contexts.ts'
import { versions } from './harness.ts'

const { cluster, create, connected, keyOf } = useCluster()

const workOf = ({ steps }: Report): unknown => steps[0]?.work

describe.each(versions)('what becomes of the work of a Cluster of ioredis $version', (version) => {
  test('commands of every kind are counted, in flight at the signal or sent after it', async () => {
    const { client, name } = await connected(version)
    const { key } = await keyOf(0, name)
    const lifecycle = await started(redis(client))
    const before = countSettled([client.set(key, 'text'), client.incr(key), client.pipeline().get(key).exec()])
    const stopped = lifecycle.stop()
    const after = countSettled([client.get(key), client.incr(key), client.pipeline().get(key).exec(), client.multi().get(key).exec()])
    const report = await stopped
    expect([await before, await after]).toEqual([
      { fulfilled: 2, rejected: 1 },
      { fulfilled: 3, rejected: 1 },
    ])
    expect(report.result).toBe('clean')
    expect(workOf(report)).toMatchObject({ done: 9, failed: 0, cut: 0, refused: 0, unknown: 0 })
  })

  test.each([false, true])('what comes after the close is refused with one error, and counted (auto-pipelined: %s)', async (enableAutoPipelining) => {
    const { client, name } = await connected(version, { enableAutoPipelining })
    const { key } = await keyOf(0, name)
    const lifecycle = await started(redis(client))
    await lifecycle.stop()
    const late = await Promise.allSettled([client.incr(key), client.multi().incr(key).exec()])
    for (const each of late) expect(each).toMatchObject({ status: 'rejected', reason: { name: 'LifecycleError', code: 'closed', resource: 'redis' } })
    expect((await client.pipeline().get(key).exec())?.map(([error]) => error)).toEqual([expect.objectContaining({ code: 'closed' })])
  })

  test.each([false, true])('a Cluster that never knew its nodes refuses, too, where ioredis waits for ever (auto-pipelined: %s)', async (enableAutoPipelining) => {
    const { client } = create(version, { enableAutoPipelining })
    const resource = redis(client)
    resource.quiesce?.({ reason: { kind: 'programmatic' }, deadline: performance.now() + 5_000 })
    await resource.force?.({ reason: { kind: 'programmatic' }, boundMs: 50 })
    const late = [client.incr('a'), client.pipeline().incr('a').exec()]
    const settled = Promise.allSettled(late)
    expect(await neverWithin(500, settled)).toBe(false)
    expect((await settled)[0]).toMatchObject({ status: 'rejected', reason: { code: 'closed' } })
    expect(resource.tally?.()).toMatchObject({ refused: 2 })
  })

  test('what is cut is counted', async () => {
    const { client, name } = await connected(version)
    const { key } = await keyOf(1, name)
    await client.get(key)
    const lifecycle = await started(redis(client), 100)
    await cluster().masters[1]!.server.freeze()
    const commands = [client.incr(key), client.incr(key)]
    const stopped = lifecycle.stop()
    commands.push(client.incr(key))
    const report = await stopped
    expect(report.steps[0]).toMatchObject({ outcome: 'forced', work: { done: 0, failed: 0, cut: 3 } })
    for (const each of await Promise.allSettled(commands)) expect(each).toMatchObject({ status: 'rejected', reason: { code: 'cut' } })
  })

  test('what the listeners of a subscriber have promised is waited for, also of shards, and nothing follows the unsubscribing', async () => {
    const { client, name } = await connected(version, version.version === '5.4.0' ? {} : { shardedSubscribers: true })
    const hasShards = version.version !== '5.4.0'
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => (open = resolve))
    const heard: string[] = []
    const done: string[] = []
    for (const event of ['message', 'smessage'] as const) {
      client.on(event as 'message', (async (channel: string) => {
        heard.push(channel)
        await opened
        done.push(channel)
      }) as unknown as () => void)
    }
    const channel = `${name}:channel`
    const shard = `${name}:shard`
    await client.subscribe(channel)
    if (hasShards) await client.ssubscribe(shard)
    const lifecycle = await started(blockingRedis(client))
    const { admin } = cluster().masters[0]!
    const publish = async (): Promise<void> => {
      await admin.publish(channel, 'text')
      const { client: publisher } = await connected(version)
      if (hasShards) await publisher.spublish(shard, 'text')
    }
    await publish()
    const expected = hasShards ? [channel, shard] : [channel]
    await expect.poll(() => heard.toSorted()).toEqual(expected)
    const stopped = lifecycle.stop()
    await expect.poll(async () => (await Promise.all(cluster().masters.map(async (node) => (await node.admin.pubsub('NUMSUB', channel))[1]))).every((count) => count === 0)).toBe(true)
    await publish()
    open()
    const report = await stopped
    expect(report.result).toBe('clean')
    expect(workOf(report)).toMatchObject({ done: expected.length, unknown: 0 })
    expect(done.toSorted()).toEqual(expected)
    expect(heard).toHaveLength(expected.length)
  })
})
