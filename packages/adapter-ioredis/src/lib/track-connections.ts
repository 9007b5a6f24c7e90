import { internalsOf, nodesOf } from './client-internals.ts'
import type { RedisClient, RedisConnection } from './redis-client.ts'

/** The connections that a client has beside its own. */
interface Connections {
  /** Those of a Cluster's nodes, those included that it has given up because the node left. They carry the callers' commands. */
  readonly serving: readonly RedisClient[]
  /** Subscribers and refreshers of a Cluster, and connections to sentinels. */
  readonly helping: readonly RedisClient[]
}

interface Tracked {
  readonly nodes: Set<RedisClient>
  readonly helpers: Set<RedisClient>
}

const tracked = new WeakMap<RedisClient, Tracked>()

/**
 * Remembers, from now on, the connections that ioredis opens by itself and keeps to itself: a Cluster's refreshers and the nodes
 * that it has dropped, a Sentinel client's questions to its sentinels. A silent server behind one of them would hold
 * its socket and its timer when the client is long gone.
 */
export function trackConnections(client: RedisClient): void {
  if (tracked.has(client)) return
  const { connector } = internalsOf(client)
  const nodes = new Set<RedisClient>()
  const helpers = new Set<RedisClient>()
  tracked.set(client, { nodes, helpers })

  for (const node of nodesOf(client)) remember(nodes, node)
  if (client.nodes) {
    client.on('+node', (node) => void remember(nodes, node as RedisClient))
    trackRefreshers(client, helpers)
  }
  const connect = connector?.connectToSentinel
  if (connector && connect) {
    connector.connectToSentinel = (...parameters) => remember(helpers, connect.apply(connector, parameters))
  }
}

/** A refresher asks one node for the map of slots over a duplicate of its connection. */
function trackRefreshers(client: RedisClient, helpers: Set<RedisClient>): void {
  const internals = internalsOf(client)
  const ask = internals.getInfoFromNode
  if (!ask) return
  internals.getInfoFromNode = (node, callback) => {
    const duplicate = (override: object): RedisClient => remember(helpers, (node as RedisConnection).duplicate(override))
    return ask.call(client, node && (Object.create(node, { duplicate: { value: duplicate } }) as RedisClient), callback)
  }
}

function remember(set: Set<RedisClient>, connection: RedisClient): RedisClient {
  set.add(connection)
  connection.on('end', () => set.delete(connection))
  return connection
}

export function connectionsOf(client: RedisClient): Connections {
  const { nodes = [], helpers = [] } = tracked.get(client) ?? {}
  const { subscriber, shardedSubscribers, connector } = internalsOf(client)
  const sharded = [...shardedSubscribers?.shardedSubscribers?.values() ?? []].map((each) => each.getInstance?.())
  const subscribers = [subscriber?.getInstance?.(), subscriber?.lastActiveSubscriber, ...sharded]
  const sentinels = connector?.failoverDetector?.sentinels?.map(({ client }) => client) ?? []
  return {
    serving: [...new Set([...nodesOf(client), ...nodes])],
    helping: [...new Set([...helpers, ...subscribers, ...sentinels])].filter((each) => each !== null && each !== undefined),
  }
}
