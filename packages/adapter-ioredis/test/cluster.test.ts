import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { blockingRedis, redis } from '../src/index.ts'
import { internalsOf } from '../src/lib/client-internals.ts'
import { listCommands } from '../src/lib/commands-of.ts'
import { startContext, useCluster } from './cluster-subjects.ts'
import { countSettled, drainContext, neverWithin, timeForce } from './contexts.ts'
import { versions, type Cluster, type ClusterOptions5 } from './harness.ts'
import { freePort, until } from './servers/nodes.ts'

const { cluster, nodes, create, connected, sum, gone, keyOf } = useCluster()

const keysOf = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}:${index}`)

describe.each(versions)('redis() with a Cluster of ioredis $version', (version) => {
  test.each([false, true])('drain finishes 1500 commands over all slots (auto-pipelined: %s), and closes every connection', async (enableAutoPipelining) => {
    const { client, name } = await connected(version, { enableAutoPipelining, scaleReads: 'all' })
    const keys = keysOf(`${name}:drain`, 500)
    const ready = async (): Promise<number> => {
      await Promise.all(keys.map((key) => client.get(key)))
      return client.nodes('all').filter(({ status }) => status === 'ready').length
    }
    await until(ready, (count) => count === 4, 'the replica was not read from')
    const resource = redis(client)
    const commands = [1, 2, 3].flatMap(() => keys.map((key) => client.incr(key)))
    expect(resource.inFlight?.()).toBe(1_500)
    await resource.drain(drainContext(10_000))
    expect(await countSettled(commands)).toEqual({ fulfilled: 1_500, rejected: 0 })
    expect(client.status).toBe('end')
    expect(await sum(version, keys)).toBe(1_500)
    expect(await gone(name)).toBe(0)
  })

  test('the naive quit() loses auto-pipelined commands', async () => {
    const { client, name } = await connected(version, { enableAutoPipelining: true })
    const commands = keysOf(name, 100).map((key) => client.incr(key))
    await client.quit()
    const settled = await Promise.race([countSettled(commands), new Promise((resolve) => setTimeout(resolve, 1_000, 'pending'))])
    expect(settled).not.toEqual({ fulfilled: 100, rejected: 0 })
    expect(await sum(version, keysOf(name, 100))).toBe(0)
  })

  describe('a master that is frozen', () => {
    test('force takes below 50 ms, every promise settles, what the others answered is kept, and the report tells the rest', async () => {
      const { client, name } = await connected(version)
      const keys = keysOf(name, 300)
      await Promise.all(keys.map((key) => client.get(key)))
      const resource = redis(client)
      await cluster().masters[1]!.server.freeze()
      const commands = keys.map((key) => client.incr(key))
      const left = await until(async () => resource.inFlight?.(), (count) => count !== 300 && count! < 150, 'nobody answered')
      expect(resource.waitingFor?.()).toEqual([`INCR ×${left}: sent, may have been done`])
      expect(await timeForce(resource)).toBeLessThan(50)
      expect(await countSettled(commands)).toEqual({ fulfilled: 300 - left!, rejected: left })
      if (client.status !== 'end') await once(client, 'end')
      expect(resource.inFlight?.()).toBe(0)
      await expect(client.get('later')).rejects.toMatchObject({ code: 'closed', resource: 'redis' })
      await cluster().masters[1]!.server.thaw()
      expect(await gone(name)).toBe(0)
      expect(client.status).toBe('end')
      await expect(client.get('later still')).rejects.toMatchObject({ code: 'closed', resource: 'redis' })
    })

    test('costs a drain nothing when no command waits for it', async () => {
      const { client, name } = await connected(version)
      await Promise.all(keysOf(name, 100).map((key) => client.get(key)))
      await cluster().masters[2]!.server.freeze()
      const { key } = await keyOf(0, name)
      const command = client.incr(key)
      await redis(client).drain(drainContext(10_000))
      expect(await command).toBe(1)
      expect(client.status).toBe('end')
      await cluster().masters[2]!.server.thaw()
      expect(await gone(name)).toBe(0)
    })

    test('with the naive quit() a drain never ends', async () => {
      const { client, name } = await connected(version)
      await Promise.all(keysOf(name, 100).map((key) => client.get(key)))
      await cluster().masters[2]!.server.freeze()
      expect(await neverWithin(500, client.quit())).toBe(true)
    })

    test('does not fail the readiness check; all of them do, are not asked twice, and no drain waits for their answers', async () => {
      const { client } = await connected(version)
      const resource = redis(client, { checkTimeoutMs: 300 })
      await cluster().masters[0]!.server.freeze()
      for (let round = 0; round < 5; round += 1) await resource.check?.(startContext)
      for (const { server } of cluster().masters) await server.freeze()
      for (let round = 0; round < 2; round += 1) {
        await expect(resource.check?.(startContext)).rejects.toThrow('no answer to CLUSTER INFO from any of 3 masters within 300 ms')
      }
      const asked = client.nodes('master').flatMap((node) => [internalsOf(node).commandQueue, internalsOf(node).offlineQueue].flatMap(listCommands))
      expect(asked.filter(({ name }) => name === 'cluster')).toHaveLength(3)
      expect({ inFlight: resource.inFlight?.(), waitingFor: resource.waitingFor?.() }).toEqual({ inFlight: 0, waitingFor: [] })
      await resource.drain(drainContext(20_000))
      expect(client.status).toBe('end')
    })
  })

  describe('a Cluster that is not connected, with commands queued', () => {
    /** All nodes accept connections and answer nothing, or are not there at all. */
    async function unconnected(state: 'connecting' | 'reconnecting', options: ClusterOptions5 = {}): Promise<{ client: Cluster; commands: Promise<unknown>[] }> {
      if (state === 'connecting') for (const { server } of nodes()) await server.freeze()
      const startup = state === 'connecting' ? undefined : [{ host: '127.0.0.1', port: await freePort() }]
      const { client } = create(version, { ...options, lazyConnect: false, slotsRefreshTimeout: 60_000, clusterRetryStrategy: () => 60_000 }, startup)
      await (state === 'connecting' ? new Promise((resolve) => setImmediate(resolve)) : new Promise<void>((resolve) => client.once('reconnecting', () => resolve())))
      expect(client.status).toBe(state)
      return { client, commands: [client.incr('a'), client.incr('b')] }
    }

    test('the naive quit() resolves, and the commands never settle, not even by a disconnect() after it', async () => {
      const { client, commands } = await unconnected('reconnecting')
      expect(await client.quit()).toBe('OK')
      client.disconnect()
      expect(await neverWithin(500, Promise.race(commands))).toBe(true)
    })

    test.each(['connecting', 'reconnecting'] as const)('%s: drain gives them up after reconnectMs, and says how many', async (state) => {
      const { client, commands } = await unconnected(state)
      const resource = redis(client, { reconnectMs: 100 })
      await resource.drain(drainContext(10_000))
      expect(resource.tally?.()).toMatchObject({ failed: 2, reasons: [`INCR: given up while the service stopped, not sent: the client was still "${state}" after 100 ms (×2)`] })
      expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 2 })
      expect(client.status).toBe('end')
    })

    test.each(['connecting', 'reconnecting'] as const)('%s: force settles them', async (state) => {
      const { client, commands } = await unconnected(state)
      const resource = redis(client)
      expect(resource.waitingFor?.()).toEqual(['INCR ×2: not sent'])
      expect(await timeForce(resource)).toBeLessThan(50)
      expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 2 })
    })

    test.each(['connecting', 'reconnecting'] as const)('%s: force also settles what auto-pipelining and pipelines keep until the slots are known', async (state) => {
      const { client, commands } = await unconnected(state, { enableAutoPipelining: true })
      commands.push(client.pipeline().incr('a').exec(), client.call('cluster', 'INFO'))
      const resource = redis(client)
      expect(resource.inFlight?.()).toBe(4)
      expect(await timeForce(resource)).toBeLessThan(50)
      expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 4 })
      if (client.status !== 'end') await once(client, 'end')
    })

    test('a drain that sees it connected in time sends them', async () => {
      for (const { server } of nodes()) await server.freeze()
      const { client, name } = create(version, { lazyConnect: false, enableAutoPipelining: true, slotsRefreshTimeout: 60_000 })
      const resource = redis(client, { reconnectMs: 20_000 })
      const commands = keysOf(name, 50).map((key) => client.incr(key))
      await new Promise((resolve) => setImmediate(resolve))
      const draining = resource.drain(drainContext(20_000))
      for (const { server } of nodes()) await server.thaw()
      await draining
      expect(await countSettled(commands)).toEqual({ fulfilled: 50, rejected: 0 })
      expect(await sum(version, keysOf(name, 50))).toBe(50)
    })
  })

  test('subscriptions end with the client, plain and sharded', async () => {
    const sharded = version.version !== '5.4.0'
    const { client, name } = await connected(version, sharded ? { shardedSubscribers: true } : {})
    const messages: string[] = []
    client.on('message', (_channel, text: string) => void messages.push(text))
    client.on('smessage', (_channel, text: string) => void messages.push(text))
    await client.subscribe(name)
    if (sharded) await client.ssubscribe(`${name}:sharded`)
    await client.publish(name, 'plain')
    if (sharded) await client.spublish(`${name}:sharded`, 'sharded')
    await until(async () => messages.length, (count) => count === (sharded ? 2 : 1), 'no message came')
    await redis(client).drain(drainContext(10_000))
    expect(client.status).toBe('end')
    expect(await gone(name)).toBe(0)
  })

  test('commands that block on several nodes are ended by the server, and lose no element', async () => {
    const { client, name } = await connected(version)
    const keys = await Promise.all([0, 1, 2].map(async (index) => (await keyOf(index, name)).key))
    const resource = blockingRedis(client)
    const popped = keys.map((key) => client.blpop(key, 0))
    for (const { admin } of cluster().masters) await until(() => admin.info('clients'), (text) => text.includes('blocked_clients:1'), 'not blocked')
    await cluster().masters[0]!.server.freeze()
    const draining = Promise.resolve(resource.drain(drainContext(20_000)))
    expect(await Promise.all(popped.slice(1))).toEqual([null, null])
    const pushed = cluster().masters[0]!.admin.rpush(keys[0]!, 'element')
    expect(await neverWithin(100, draining)).toBe(true)
    await cluster().masters[0]!.server.thaw()
    await Promise.all([draining, pushed])
    const left = await cluster().masters[0]!.admin.lrange(keys[0]!, 0, -1)
    expect([...((await popped[0])?.slice(1) ?? []), ...left]).toEqual(['element'])
    expect(await gone(name)).toBe(0)
  })

  test('a node that refuses CLIENT UNBLOCK is told, also while commands on another one are ended again and again', async () => {
    const [refusing, other] = cluster().masters
    for (const { admin } of cluster().masters) await admin.acl('SETUSER', 'reader', 'reset', 'on', '>secret', '~*', '&*', '+@all')
    await refusing!.admin.acl('SETUSER', 'reader', '-client|unblock')
    const { client, name } = await connected(version, { redisOptions: { username: 'reader', password: 'secret' } })
    const [{ key }, { key: otherKey }] = [await keyOf(0, name), await keyOf(1, name)]
    const abort = new AbortController()
    const resource = blockingRedis(client)
    const blocked = client.blpop(key, 0)
    let ended = 0
    const loop = (async () => {
      for (; !abort.signal.aborted; ended += 1) await client.blpop(otherKey, 0)
    })().catch(() => {})
    for (const { admin } of [refusing!, other!]) await until(() => admin.info('clients'), (text) => text.includes('blocked_clients:1'), 'not blocked')
    const draining = Promise.resolve(resource.drain(drainContext(20_000, abort.signal))).catch(() => {})
    const refusal = expect.stringMatching(/^CLIENT UNBLOCK, which failed: NOPERM /)
    await expect.poll(() => resource.waitingFor?.()).toContainEqual(refusal)
    const sofar = ended
    await until(async () => ended, (count) => count > sofar + 1, 'nothing more was ended')
    expect(resource.waitingFor?.()).toContainEqual(refusal)
    abort.abort()
    expect(await timeForce(resource)).toBeLessThan(50)
    await Promise.all([draining, loop])
    await expect(blocked).rejects.toMatchObject({ code: 'cut' })
  })
})
