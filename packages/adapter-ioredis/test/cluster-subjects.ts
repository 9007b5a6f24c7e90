import { afterAll, afterEach, beforeAll, onTestFinished } from 'vitest'
import { redis } from '../src/index.ts'
import type { Cluster, ClusterOptions5, Version } from './harness.ts'
import { startCluster, type TestCluster } from './servers/cluster.ts'
import { until, type Node } from './servers/nodes.ts'

export const startContext = { signal: new AbortController().signal }

export interface Subject {
  readonly client: Cluster
  /** Of its connections, and for its keys. */
  readonly name: string
}

export interface ClusterSubjects {
  readonly cluster: () => TestCluster
  readonly nodes: () => readonly Node[]
  /** One that connects when it is used. */
  readonly create: (version: Version, options?: ClusterOptions5, startup?: { host: string; port: number }[]) => Subject
  readonly connected: (version: Version, options?: ClusterOptions5) => Promise<Subject>
  /** The sum of counters, asked by a client of its own. */
  readonly sum: (version: Version, keys: readonly string[]) => Promise<number>
  /** Resolves when no node has a connection of that name: helpers of ioredis are named `subscriber (…)` and `refresher (…)`. */
  readonly gone: (name: string) => Promise<number>
  /** A key in a slot, of the master with this index, that holds no keys: only such a slot can change its master. */
  readonly keyOf: (index: number, prefix: string) => Promise<{ key: string; slot: number }>
}

/** A Cluster for all tests of a file, thawed after each of them. Tests that freeze nodes must not change roles by it: hence the long timeout. */
export function useCluster(nodeTimeoutMs = 60_000): ClusterSubjects {
  let cluster: TestCluster
  let lastName = 0
  beforeAll(async () => {
    cluster = await startCluster(nodeTimeoutMs)
  })
  afterAll(() => cluster.stop())
  afterEach(thaw)
  const nodes = (): readonly Node[] => [...cluster.masters, cluster.replica]
  return { cluster: () => cluster, nodes, create, connected, sum, gone, keyOf }

  async function thaw(): Promise<void> {
    for (const { server } of nodes()) await server.thaw()
  }

  function create({ Cluster }: Version, options: ClusterOptions5 = {}, startup = cluster.masters.map(({ host, port }) => ({ host, port }))): Subject {
    const name = `subject-${(lastName += 1)}`
    const redisOptions = { ...options.redisOptions, connectionName: name }
    const client = new Cluster(startup, { lazyConnect: true, ...options, redisOptions })
    client.on('error', () => {})
    onTestFinished(async () => {
      await thaw()
      client.disconnect()
    })
    return { client, name }
  }

  async function connected(version: Version, options: ClusterOptions5 = {}): Promise<Subject> {
    const made = create(version, options)
    await redis(made.client).start?.(startContext)
    return made
  }

  async function sum(version: Version, keys: readonly string[]): Promise<number> {
    const { client } = await connected(version)
    const values = await Promise.all(keys.map((key) => client.get(key)))
    return values.reduce((total, value) => total + Number(value), 0)
  }

  async function gone(name: string): Promise<number> {
    const count = async (): Promise<number> => {
      const lists = await Promise.all(nodes().map(async ({ admin }) => String(await admin.client('LIST'))))
      return lists.join('\n').split('\n').filter((line) => new RegExp(`name=\\S*${name}\\b`).test(line)).length
    }
    return until(count, (count) => count === 0, 'connections are left')
  }

  async function keyOf(index: number, prefix: string): Promise<{ key: string; slot: number }> {
    const master = cluster.masters[index]!
    for (let salt = 0; ; salt += 1) {
      const key = `${prefix}:${salt}`
      const slot = Number(await master.admin.call('CLUSTER', 'KEYSLOT', key))
      if (Math.floor((slot * 3) / 16_384) !== index) continue
      if ((await master.admin.call('CLUSTER', 'COUNTKEYSINSLOT', String(slot))) === 0) return { key, slot }
    }
  }
}
