import { createLifecycle } from '@lameduck/core'
import { afterEach, describe, expect, test } from 'vitest'
import { redis } from '../src/index.ts'
import { useCluster } from './cluster-subjects.ts'
import { countSettled, drainContext, timeForce } from './contexts.ts'
import { versions } from './harness.ts'
import { until, type Node } from './servers/nodes.ts'

const { cluster, connected, keyOf } = useCluster(1_000)

describe.each(versions)('what moves to another node while a Cluster of ioredis $version stops', (version) => {
  describe('redirections in flight', () => {
    const moved: number[] = []
    afterEach(async () => {
      const { admin } = cluster().masters[2]!
      for (const slot of moved.splice(0)) {
        const keys = (await admin.call('CLUSTER', 'GETKEYSINSLOT', String(slot), '100')) as string[]
        if (keys.length > 0) await admin.del(...keys)
        await giveSlot(slot, cluster().masters[1]!)
      }
      await cluster().untilSlotsAreAsAtFirst()
    })

    /** Gives an empty slot of the second master to the third one, until the test ends. */
    async function moveSlot(slot: number): Promise<void> {
      moved.push(slot)
      await giveSlot(slot, cluster().masters[2]!)
    }

    async function giveSlot(slot: number, owner: Node): Promise<void> {
      const id = String(await owner.admin.call('CLUSTER', 'MYID'))
      // Before the claim: nodes believe the newest of two that claim a slot, and what the old one has said of it is still on its way.
      // The replica, which cannot be told, has only that.
      const isNewest = async (): Promise<boolean> => {
        await owner.admin.call('CLUSTER', 'BUMPEPOCH')
        const [own, ...others] = await Promise.all([owner, ...cluster().masters.filter((node) => node !== owner)].map(epochOf))
        return others.every((other) => other < own!)
      }
      // A node that has not heard of the newest epoch yet cannot pass it.
      await until(isNewest, (is) => is, 'the new owner of a slot has not the newest epoch')
      for (const { admin } of [owner, ...cluster().masters.filter((node) => node !== owner)]) await admin.call('CLUSTER', 'SETSLOT', String(slot), 'NODE', id)
    }

    const epochOf = async ({ admin }: Node): Promise<number> => Number(/cluster_my_epoch:(\d+)/.exec(String(await admin.call('CLUSTER', 'INFO')))?.[1])

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
          expect(await cluster().masters[2]!.admin.get(key)).toBe('50')
        } else {
          await client.quit()
          expect(await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 1_000, 'pending'))])).not.toEqual({ fulfilled: 50, rejected: 0 })
          expect(await cluster().masters[2]!.admin.get(key)).not.toBe('50')
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
      const [from, to] = [cluster().masters[1]!, cluster().masters[2]!]
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

  test('a master that fails over while the client drains: what it had not answered is done by the next one', { timeout: 60_000 }, async () => {
    const { client, name } = await connected(version, { maxRedirections: 500, redisOptions: { maxRetriesPerRequest: null } })
    const master = cluster().masters[0]!
    const { key } = await keyOf(0, name)
    await client.get(key)
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
    expect(await cluster().replica.admin.get(key)).toBe('20')
    await restore(master)
  })

  /** The master of before is one again, with its replica behind it. */
  async function restore(master: Node): Promise<void> {
    await master.server.restart()
    await until(() => master.admin.info('replication'), (text) => text.includes('master_link_status:up'), 'the killed master did not come back as a replica')
    await master.admin.call('CLUSTER', 'FAILOVER', 'TAKEOVER')
    await until(() => cluster().replica.admin.info('replication'), (text) => text.includes('master_link_status:up'), 'the roles were not changed back')
    await cluster().untilSlotsAreAsAtFirst()
    await cluster().untilReplicaIsKnown()
  }
})
