import { freePort, startNode, until, type Node } from './nodes.ts'

export interface TestCluster {
  /** Three masters, each with a third of the slots. */
  readonly masters: readonly Node[]
  /** Of the first master. */
  readonly replica: Node
  /** Resolves when every master names the replica in its map of slots, which is what clients read. */
  untilReplicaIsKnown(): Promise<void>
  /** Resolves when every node knows each third of the slots with the master that had it at first. */
  untilSlotsAreAsAtFirst(): Promise<void>
  stop(): Promise<void>
}

/** Slots of the three masters. */
const ranges = [
  [0, 5_460],
  [5_461, 10_922],
  [10_923, 16_383],
] as const

const settings = {
  'cluster-enabled': 'yes',
  'cluster-require-full-coverage': 'no',
  'cluster-replica-validity-factor': '0',
  'repl-diskless-sync-delay': '0',
}

/**
 * Redis Cluster with real nodes.
 *
 * @param nodeTimeoutMs a node that is silent for so long counts as failed; they tell each other the news at half that time
 */
export async function startCluster(nodeTimeoutMs: number): Promise<TestCluster> {
  const args = Object.entries({ ...settings, 'cluster-node-timeout': String(nodeTimeoutMs) }).flatMap(([name, value]) => [`--${name}`, value])
  const busPorts = await Promise.all(Array.from({ length: 4 }, freePort))
  const nodes = await Promise.all(busPorts.map((busPort) => startNode([...args, '--cluster-port', String(busPort)])))
  const masters = nodes.slice(0, 3)
  const [first, replica] = [nodes[0]!, nodes[3]!]
  await Promise.all(masters.map(({ admin }, index) => admin.call('CLUSTER', 'ADDSLOTSRANGE', ...ranges[index]!.map(String))))
  await Promise.all(masters.map(({ admin }, index) => admin.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))))
  for (const [index, { host, port }] of nodes.entries()) {
    if (index > 0) await first.admin.call('CLUSTER', 'MEET', host, String(port), String(busPorts[index]))
  }
  const info = async ({ admin }: Node): Promise<string> => String(await admin.call('CLUSTER', 'INFO'))
  const knowsAll = (text: string): boolean => text.includes('cluster_state:ok') && text.includes('cluster_known_nodes:4') && text.includes('cluster_slots_ok:16384')
  await Promise.all(nodes.map((node) => until(() => info(node), knowsAll, `the cluster did not form at ${node.port}`)))
  await replica.admin.call('CLUSTER', 'REPLICATE', String(await first.admin.call('CLUSTER', 'MYID')))
  await until(() => replica.admin.info('replication'), (text) => text.includes('master_link_status:up'), 'the replica did not follow')
  // A replica without an offset is in no map of slots.
  await Promise.allSettled(Array.from({ length: 20 }, (_, index) => first.admin.set(`first:${index}`, '1')))
  const untilReplicaIsKnown = async (): Promise<void> => {
    const slots = async ({ admin }: Node): Promise<string> => JSON.stringify(await admin.call('CLUSTER', 'SLOTS'))
    await Promise.all(masters.map((node) => until(() => slots(node), (text) => text.includes(String(replica.port)), 'the replica is not known')))
  }
  const untilSlotsAreAsAtFirst = async (): Promise<void> => {
    const isRight = (text: string): boolean => masters.every(({ port }, index) => new RegExp(`:${port}@\\d+ (myself,)?master .* connected ${ranges[index]!.join('-')}$`, 'm').test(text))
    await Promise.all(nodes.map(({ admin }) => until(async () => String(await admin.call('CLUSTER', 'NODES')), isRight, 'the slots are elsewhere')))
  }
  await untilReplicaIsKnown()
  return { masters, replica, untilReplicaIsKnown, untilSlotsAreAsAtFirst, stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))) }
}
