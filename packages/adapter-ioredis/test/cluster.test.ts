import { createLifecycle } from '@lameduck/core'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { blockingRedis, redis } from '../src/index.ts'
import { countSettled, drainContext, neverWithin, timeForce } from './contexts.ts'
import { versions, type Cluster, type ClusterOptions5, type Version } from './harness.ts'
import { startCluster, type TestCluster } from './servers/cluster.ts'
import { freePort, until, type Node } from './servers/nodes.ts'

let cluster: TestCluster
let lastName = 0
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())
afterEach(async () => {
  for (const { server } of nodes()) await server.thaw()
})

const nodes = (): readonly Node[] => [...cluster.masters, cluster.replica]
const startContext = { signal: new AbortController().signal }

const keysOf = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}:${index}`)

function createClient({ Cluster }: Version, options: ClusterOptions5 = {}, startup = cluster.masters.map(({ host, port }) => ({ host, port }))): { client: Cluster; name: string } {
  const name = `subject-${(lastName += 1)}`
  const redisOptions = { ...options.redisOptions, connectionName: name }
  const client = new Cluster(startup, { lazyConnect: true, ...options, redisOptions })
  client.on('error', () => {})
  onTestFinished(async () => {
    for (const { server } of nodes()) await server.thaw()
    client.disconnect()
  })
  return { client, name }
}

async function connected(version: Version, options: ClusterOptions5 = {}): Promise<{ client: Cluster; name: string }> {
  const made = createClient(version, options)
  await redis(made.client).start?.(startContext)
  return made
}

/** The sum of counters, asked by a client of its own. */
async function sum(version: Version, keys: readonly string[]): Promise<number> {
  const { client } = await connected(version)
  const values = await Promise.all(keys.map((key) => client.get(key)))
  return values.reduce((total, value) => total + Number(value), 0)
}

/** Connections whose name begins so, on every node that answers: helpers of ioredis are named `subscriber (…)` and `refresher (…)`. */
async function connectionsNamed(name: string): Promise<number> {
  const lists = await Promise.all(nodes().map(async ({ admin }) => String(await admin.client('LIST'))))
  return lists.join('\n').split('\n').filter((line) => new RegExp(`name=\\S*${name}\\b`).test(line)).length
}

const gone = (name: string): Promise<number> => until(() => connectionsNamed(name), (count) => count === 0, 'connections are left')

/** A key in a slot, of the master with this index, that holds no keys: only such a slot can change its master. */
async function keyOf(index: number, prefix: string): Promise<{ key: string; slot: number }> {
  for (let salt = 0; ; salt += 1) {
    const key = `${prefix}:${salt}`
    const slot = Number(await cluster.masters[0]!.admin.call('CLUSTER', 'KEYSLOT', key))
    if (Math.floor((slot * 3) / 16_384) !== index) continue
    if ((await cluster.masters[index]!.admin.call('CLUSTER', 'COUNTKEYSINSLOT', String(slot))) === 0) return { key, slot }
  }
}

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
      await cluster.masters[1]!.server.freeze()
      const commands = keys.map((key) => client.incr(key))
      const left = await until(async () => resource.inFlight?.(), (count) => count !== 300 && count! < 150, 'nobody answered')
      expect(resource.waitingFor?.()).toEqual([`INCR ×${left}: sent, may have been done`])
      expect(await timeForce(resource)).toBeLessThan(50)
      expect(await countSettled(commands)).toEqual({ fulfilled: 300 - left!, rejected: left })
      if (client.status !== 'end') await once(client, 'end')
      expect(resource.inFlight?.()).toBe(0)
      await expect(client.get('later')).rejects.toThrow('Connection is closed')
      await cluster.masters[1]!.server.thaw()
      expect(await gone(name)).toBe(0)
      expect(client.status).toBe('end')
      await expect(client.get('later still')).rejects.toThrow('Connection is closed')
    })

    test('costs a drain nothing when no command waits for it', async () => {
      const { client, name } = await connected(version)
      await Promise.all(keysOf(name, 100).map((key) => client.get(key)))
      await cluster.masters[2]!.server.freeze()
      const { key } = await keyOf(0, name)
      const command = client.incr(key)
      await redis(client).drain(drainContext(10_000))
      expect(await command).toBe(1)
      expect(client.status).toBe('end')
      await cluster.masters[2]!.server.thaw()
      expect(await gone(name)).toBe(0)
    })

    test('with the naive quit() a drain never ends', async () => {
      const { client, name } = await connected(version)
      await Promise.all(keysOf(name, 100).map((key) => client.get(key)))
      await cluster.masters[2]!.server.freeze()
      expect(await neverWithin(500, client.quit())).toBe(true)
    })

    test('does not fail the readiness check; all of them do, and are not asked twice', async () => {
      const { client } = await connected(version)
      const resource = redis(client, { checkTimeoutMs: 300 })
      await cluster.masters[0]!.server.freeze()
      for (let round = 0; round < 5; round += 1) await resource.check?.(startContext)
      for (const { server } of cluster.masters) await server.freeze()
      for (let round = 0; round < 2; round += 1) {
        await expect(resource.check?.(startContext)).rejects.toThrow('no answer to CLUSTER INFO from any of 3 masters within 300 ms')
      }
      expect(resource.inFlight?.()).toBeLessThanOrEqual(3)
    })
  })

  describe('a Cluster that is not connected, with commands queued', () => {
    /** All nodes accept connections and answer nothing, or are not there at all. */
    async function unconnected(state: 'connecting' | 'reconnecting', options: ClusterOptions5 = {}): Promise<{ client: Cluster; commands: Promise<unknown>[] }> {
      if (state === 'connecting') for (const { server } of nodes()) await server.freeze()
      const startup = state === 'connecting' ? undefined : [{ host: '127.0.0.1', port: await freePort() }]
      const { client } = createClient(version, { ...options, lazyConnect: false, slotsRefreshTimeout: 60_000, clusterRetryStrategy: () => 60_000 }, startup)
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
      await expect(resource.drain(drainContext(10_000))).rejects.toThrow(`2 commands were given up: the client was still "${state}" after 100 ms`)
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
      const { client, name } = createClient(version, { lazyConnect: false, enableAutoPipelining: true, slotsRefreshTimeout: 60_000 })
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

  describe('redirections in flight', () => {
    const moved: number[] = []
    afterEach(async () => {
      const { admin } = cluster.masters[2]!
      for (const slot of moved.splice(0)) {
        const keys = (await admin.call('CLUSTER', 'GETKEYSINSLOT', String(slot), '100')) as string[]
        if (keys.length > 0) await admin.del(...keys)
        await giveSlot(slot, cluster.masters[1]!)
      }
      await cluster.untilSlotsAreAsAtFirst()
    })

    /** Gives an empty slot of the second master to the third one, until the test ends. */
    async function moveSlot(slot: number): Promise<void> {
      moved.push(slot)
      await giveSlot(slot, cluster.masters[2]!)
    }

    async function giveSlot(slot: number, owner: Node): Promise<void> {
      const id = String(await owner.admin.call('CLUSTER', 'MYID'))
      // Before the claim: nodes believe the newest of two that claim a slot, and what the old one has said of it is still on its way.
      // The replica, which cannot be told, has only that.
      await owner.admin.call('CLUSTER', 'BUMPEPOCH')
      for (const { admin } of [owner, ...cluster.masters.filter((node) => node !== owner)]) await admin.call('CLUSTER', 'SETSLOT', String(slot), 'NODE', id)
    }

    test.each([
      { how: 'MOVED', options: {} },
      { how: 'MOVED, tried again after a delay', options: { retryDelayOnMoved: 200 } },
    ])('$how: drain waits until they are done elsewhere; the naive quit() loses them', async ({ options }) => {
      for (const end of ['drain', 'quit'] as const) {
        const { client, name } = await connected(version, options)
        const { key, slot } = await keyOf(1, name)
        await client.get(key)
        await moveSlot(slot)
        const commands = Array.from({ length: 50 }, () => client.incr(key))
        const settled = countSettled(commands)
        if (end === 'drain') {
          await redis(client).drain(drainContext(10_000))
          expect(await settled).toEqual({ fulfilled: 50, rejected: 0 })
          expect(await cluster.masters[2]!.admin.get(key)).toBe('50')
        } else {
          await client.quit()
          expect(await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 1_000, 'pending'))])).not.toEqual({ fulfilled: 50, rejected: 0 })
          expect(await cluster.masters[2]!.admin.get(key)).not.toBe('50')
        }
      }
    })

    test('that wait for another try are settled by force at once, and told', async () => {
      const { client, name } = await connected(version, { retryDelayOnMoved: 60_000 })
      const { key, slot } = await keyOf(1, name)
      const resource = redis(client)
      await client.get(key)
      await moveSlot(slot)
      const commands = [client.incr(key), client.incr(key)]
      await until(async () => resource.waitingFor?.()[0], (text) => text === 'commands that wait for the cluster ×2: may have been done', 'they were not redirected')
      expect(resource.inFlight?.()).toBe(2)
      expect(await timeForce(resource)).toBeLessThan(50)
      expect(await countSettled(commands)).toEqual({ fulfilled: 0, rejected: 2 })
    })

    test('ASK: drain waits until they are done by the node that the slot goes to', async () => {
      const { client, name } = await connected(version)
      const { key, slot } = await keyOf(1, name)
      await client.get(key)
      const [from, to] = [cluster.masters[1]!, cluster.masters[2]!]
      const [fromId, toId] = await Promise.all([from, to].map(async ({ admin }) => String(await admin.call('CLUSTER', 'MYID'))))
      await to.admin.call('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', fromId!)
      await from.admin.call('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', toId!)
      const commands = Array.from({ length: 20 }, () => client.incr(key))
      const drained = Promise.resolve(redis(client).drain(drainContext(10_000))).catch((error: unknown) => error)
      const counts = await countSettled(commands)
      const answer = (await to.admin.pipeline().asking().get(key).exec())?.[1]?.[1]
      await to.admin.pipeline().asking().del(key).exec()
      for (const { admin } of [to, from]) await admin.call('CLUSTER', 'SETSLOT', String(slot), 'STABLE')
      expect({ drained: await drained, counts, answer }).toEqual({ drained: undefined, counts: { fulfilled: 20, rejected: 0 }, answer: '20' })
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
    for (const { admin } of cluster.masters) await until(() => admin.info('clients'), (text) => text.includes('blocked_clients:1'), 'not blocked')
    await cluster.masters[0]!.server.freeze()
    const draining = Promise.resolve(resource.drain(drainContext(20_000)))
    expect(await Promise.all(popped.slice(1))).toEqual([null, null])
    const pushed = cluster.masters[0]!.admin.rpush(keys[0]!, 'element')
    expect(await neverWithin(100, draining)).toBe(true)
    await cluster.masters[0]!.server.thaw()
    await Promise.all([draining, pushed])
    const left = await cluster.masters[0]!.admin.lrange(keys[0]!, 0, -1)
    expect([...((await popped[0])?.slice(1) ?? []), ...left]).toEqual(['element'])
    expect(await gone(name)).toBe(0)
  })

  test('a master that fails over while the client drains: what it had not answered is done by the next one', { timeout: 60_000 }, async () => {
    const { client, name } = await connected(version, { maxRedirections: 500, redisOptions: { maxRetriesPerRequest: null } })
    const master = cluster.masters[0]!
    const { key } = await keyOf(0, name)
    await client.get(key)
    await cluster.setFailover(true)
    const lifecycle = createLifecycle({ env: {}, policy: { graceMs: 60_000, phases: { connections: { timeoutMs: 40_000, reserveMs: 10_000 } } } })
    lifecycle.add(redis(client))
    await lifecycle.start()
    await master.server.freeze()
    const commands = Array.from({ length: 20 }, () => client.incr(key))
    const stopped = lifecycle.stop()
    await master.server.kill()
    const report = await stopped
    expect(report.steps[0], JSON.stringify(report.steps)).toMatchObject({ outcome: 'drained', errors: [] })
    expect(await countSettled(commands)).toEqual({ fulfilled: 20, rejected: 0 })
    expect(await cluster.replica.admin.get(key)).toBe('20')
    await restore(master)
  })

  /** The master of before is one again, with its replica behind it. */
  async function restore(master: Node): Promise<void> {
    await master.server.restart()
    await cluster.setFailover(true)
    await until(() => master.admin.info('replication'), (text) => text.includes('master_link_status:up'), 'the killed master did not come back as a replica')
    await master.admin.call('CLUSTER', 'FAILOVER', 'TAKEOVER')
    await until(() => cluster.replica.admin.info('replication'), (text) => text.includes('master_link_status:up'), 'the roles were not changed back')
    await cluster.untilSlotsAreAsAtFirst()
    await cluster.untilReplicaIsKnown()
    await cluster.setFailover(false)
  }
})
