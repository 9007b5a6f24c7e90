import { startKafkaCluster, type KafkaCluster, type KafkaClusterOptions } from '@lameduck/servers'
import { Kafka, type Admin, type KafkaConfig } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, vi } from 'vitest'
import { kafkaConfig, offsetsOf } from './topic.ts'

/** Three brokers, of which one may be frozen or killed. Partition 0 of a topic leads on the node 1, and so on, as long as all are well. */
export interface TestCluster extends Pick<KafkaCluster, 'nodes' | 'controller' | 'stop'> {
  readonly brokers: readonly string[]
  /** For a `Kafka`. */
  readonly config: KafkaConfig
  readonly admin: Admin
  /** A new topic with a partition for each of these leaders (ids of nodes), and all nodes as replicas. */
  createTopic(leaders?: readonly number[]): Promise<string>
  /** The id of a new group, or a transactional id, whose coordinator is the node with this id. */
  idOn(node: number, of?: 'group' | 'transaction'): Promise<string>
  /** Takes a partition away from the node that leads it; resolves when another one does. */
  moveAway(topic: string, partition: number): Promise<void>
  /** Makes another node the coordinator of this group, until the end of the test. */
  moveCoordinator(groupId: string): Promise<void>
  /** What the group has committed of this topic, by partition, and how many members its coordinator counts. */
  look(groupId: string, topic: string): Promise<{ committed: number[]; members: number }>
  /** Resolves when this node is the coordinator of no group any more. */
  isReplaced(node: number): Promise<void>
  /** Resolves when every node is well, and leads what it led at first. */
  isWhole(): Promise<void>
}

const ids = [1, 2, 3]
const coordinators = { group: '__consumer_offsets', transaction: '__transaction_state' }

function until(check: () => Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 30_000, interval: 50 })
}

export async function startCluster(options: KafkaClusterOptions = {}): Promise<TestCluster> {
  const settings = {
    'default.replication.factor': '3',
    // A node that comes back gets its partitions back.
    'leader.imbalance.check.interval.seconds': '1',
    // A machine that is busy must not make nodes take each other for dead.
    'broker.session.timeout.ms': '4000',
    ...options.settings,
  }
  const cluster = await startKafkaCluster({ ...options, settings })
  if (!cluster.ok) throw new Error(cluster.message)
  const brokers = cluster.url.split(',')
  const config = { ...kafkaConfig(brokers), ...cluster.security }
  // This one may ask a node that is frozen, and asks again.
  const admin = new Kafka({ ...config, requestTimeout: 1_000 }).admin()
  const maker = new Kafka(config).admin()
  await Promise.all([admin.connect(), maker.connect()])

  async function leaders(topic: string): Promise<number[]> {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions.toSorted((one, other) => one.partitionId - other.partitionId).map(({ leader }) => leader) ?? []
  }

  const replicasFrom = (leader: number): number[] => [...ids.slice(ids.indexOf(leader)), ...ids.slice(0, ids.indexOf(leader))]

  async function createTopic(wanted: readonly number[] = ids): Promise<string> {
    const topic = `orders-${randomUUID()}`
    const replicaAssignment = wanted.map((leader, partition) => ({ partition, replicas: replicasFrom(leader) }))
    await maker.createTopics({ topics: [{ topic, replicaAssignment }], waitForLeaders: false })
    await until(async () => expect(await leaders(topic)).toEqual(wanted))
    return topic
  }

  /** As brokers do: that of a text in Java. */
  function partitionOf(id: string): number {
    const hash = Array.from(id, (letter) => letter.charCodeAt(0)).reduce((sum, code) => (Math.imul(31, sum) + code) | 0, 0)
    return Math.abs(hash) % ids.length
  }

  async function idOn(node: number, of: 'group' | 'transaction' = 'group'): Promise<string> {
    let partition = -1
    await until(async () => {
      partition = (await leaders(coordinators[of])).indexOf(node)
      expect(partition).toBeGreaterThan(-1)
    })
    for (;;) {
      const id = randomUUID()
      if (partitionOf(id) === partition) return id
    }
  }

  const assign = (topic: string, partition: number, replicas: number[]): Promise<unknown> =>
    maker.alterPartitionReassignments({ topics: [{ topic, partitionAssignment: [{ partition, replicas }] }] })

  async function moveAway(topic: string, partition: number): Promise<void> {
    const leader = (await leaders(topic))[partition] ?? 0
    const replicas = ids.filter((id) => id !== leader)
    await assign(topic, partition, replicas)
    await until(async () => expect(replicas).toContain((await leaders(topic))[partition]))
  }

  async function moveCoordinator(groupId: string): Promise<void> {
    const [topic, partition] = [coordinators.group, partitionOf(groupId)]
    const leader = (await leaders(topic))[partition] ?? 0
    onTestFinished(async () => {
      await assign(topic, partition, replicasFrom(leader))
      await until(async () => expect((await leaders(topic))[partition]).toBe(leader))
    })
    await moveAway(topic, partition)
  }

  /** The first question for a coordinator makes the topic. */
  async function makeCoordinators(): Promise<void> {
    const asked = Array.from({ length: 20 }, () => randomUUID())
    await until(async () => expect((await admin.describeGroups(asked)).groups.map(({ state }) => state)).toEqual(asked.map(() => 'Dead')))
    const producer = new Kafka(config).producer({ transactionalId: randomUUID(), maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.abort()
    await producer.disconnect()
  }

  async function isWhole(): Promise<void> {
    await until(async () => {
      for (const topic of Object.values(coordinators)) expect((await leaders(topic)).toSorted((one, other) => one - other)).toEqual(ids)
    })
  }
  await makeCoordinators()
  await isWhole()

  return {
    nodes: cluster.nodes,
    controller: () => cluster.controller(),
    brokers,
    config,
    admin,
    createTopic,
    idOn,
    moveAway,
    moveCoordinator,
    look: (groupId, topic) =>
      vi.waitFor(
        async () => {
          const committed = await offsetsOf(admin, groupId, topic)
          const { groups } = await admin.describeGroups([groupId])
          return { committed, members: groups[0]?.members.length ?? 0 }
        },
        { timeout: 15_000, interval: 50 },
      ),
    async isReplaced(node) {
      await until(async () => expect(await leaders(coordinators.group)).not.toContain(node))
    },
    isWhole,
    async stop() {
      await Promise.all([admin.disconnect(), maker.disconnect()])
      await cluster.stop()
    },
  }
}
