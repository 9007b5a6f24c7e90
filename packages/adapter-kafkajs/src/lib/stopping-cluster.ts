import { setTimeout as sleep } from 'node:timers/promises'

/** What kafkajs 2.2.4 keeps to itself of a client: its view of the brokers. The subset that is changed. */
export interface PrivateCluster {
  getNodeIds(): string[]
  refreshMetadata(): Promise<void>
  findBroker(which: { nodeId: string | number }): Promise<PrivateBroker>
  findGroupCoordinator(which: OfGroup): Promise<PrivateBroker>
  readonly brokerPool: { findConnectedBroker(): Promise<PrivateBroker> }
}

interface PrivateBroker {
  readonly nodeId: string | number
  fetch(request: never): Promise<{ responses: unknown[] }>
  heartbeat(request: OfGroup): Promise<unknown>
  offsetCommit(request: OfGroup): Promise<unknown>
  leaveGroup(request: OfGroup): Promise<unknown>
  findGroupCoordinator(request: OfGroup & { coordinatorType: number }): Promise<{ coordinator: { nodeId: string | number } }>
}

interface OfGroup {
  readonly groupId: string
}

interface Failure {
  readonly name?: string
  readonly type?: string
}

const toCoordinator = ['heartbeat', 'offsetCommit', 'leaveGroup'] as const
const moved = 'NOT_COORDINATOR_FOR_GROUP'
/** It is the coordinator, and has to wait for other brokers. */
const busy = ['GROUP_COORDINATOR_NOT_AVAILABLE', 'GROUP_LOAD_IN_PROGRESS']
const connectionLost = ['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSBrokerNotFound', 'KafkaJSGroupCoordinatorNotFound']
const askAgainMs = 200
/** Not that of a transaction. */
const coordinatorType = 0

export interface StoppingCluster {
  /** No fetch begins from now on: kafkajs waits for those it asks for until `stopFetching`, and so joins no other rebalance. */
  pauseFetching(): void
  /** For a consumer whose `stop()` was called. Open fetches count as answered, with nothing. */
  stopFetching(): void
  /** Whether a commit, a heartbeat or the leave waits for the group to have another coordinator. */
  readonly isLookingForCoordinator: () => boolean
}

/**
 * Mends what a consumer that stops gets wrong where there are several brokers, kafkajs 2.2.4:
 *
 * - When the brokers change, `fetchManager.js` waits for what is under way and then makes new fetchers. If the consumer was stopped meanwhile, they
 *   run round and round without ever giving way to anything else: the process hangs, and no timer of it fires any more. Here they are not made.
 * - A stop waits for every open fetch, up to half a minute for one broker that does not answer, though nothing more is wanted.
 * - Commits, heartbeats and the leave go to the broker that was the group's coordinator at the join. Only a join asks for a new one.
 *   While `isStopping`, they follow it: there will be no other join.
 * - A consumer that has been told to stop sends one more heartbeat, and where the group is rebalancing it then joins once more before it leaves.
 *   Here that heartbeat is not sent.
 */
export function mendStop(cluster: PrivateCluster, isStopping: () => boolean): StoppingCluster {
  const getNodeIds = cluster.getNodeIds.bind(cluster)
  const findBroker = cluster.findBroker.bind(cluster)
  const findGroupCoordinator = cluster.findGroupCoordinator.bind(cluster)
  const known = new WeakSet<PrivateBroker>()
  /** Brokers that are, or were, the coordinator of a group. */
  const groups = new WeakMap<object, string>()
  const fetches = new Set<() => void>()
  let isPaused = false
  let hasStopped = false
  let looking = 0

  function mend(broker: PrivateBroker): PrivateBroker {
    if (known.has(broker)) return broker
    known.add(broker)
    const fetch = broker.fetch.bind(broker)
    broker.fetch = (request) => untilStopped(() => fetch(request))
    for (const name of toCoordinator) {
      const call = broker[name].bind(broker)
      broker[name] = (request) => following(request.groupId, () => call(request), (coordinator) => coordinator[name](request))
    }
    const heartbeat = broker.heartbeat.bind(broker)
    broker.heartbeat = async (request) => (hasStopped ? undefined : heartbeat(request))
    return broker
  }

  function untilStopped(fetch: () => Promise<{ responses: unknown[] }>): Promise<{ responses: unknown[] }> {
    return new Promise((resolve, reject) => {
      const end = (): void => resolve({ responses: [] })
      if (hasStopped) return end()
      fetches.add(end)
      if (isPaused) return
      const over = (): void => void fetches.delete(end)
      const fetched = fetch()
      fetched.then(over, over)
      fetched.then(resolve, reject)
    })
  }

  async function following<T>(groupId: string, call: () => Promise<T>, again: (coordinator: PrivateBroker) => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      const { type = '', name = '' } = error as Failure
      const isBusy = busy.includes(type)
      if (!isStopping() || !(isBusy || type === moved || connectionLost.includes(name))) throw error
      looking++
      const coordinator = await lookFor(groupId, isBusy).finally(() => looking--)
      if (coordinator === 'the same') return following(groupId, call, again)
      if (!coordinator) throw error
      return again(coordinator)
    }
  }

  async function lookFor(groupId: string, isBusy: boolean): Promise<PrivateBroker | 'the same' | undefined> {
    await sleep(askAgainMs)
    if (!isStopping()) return undefined
    return isBusy ? 'the same' : findNext(groupId).catch(() => undefined)
  }

  async function findNext(groupId: string): Promise<PrivateBroker> {
    for (;;) {
      // Forgets brokers that are dead, else kafkajs goes on to ask them who the coordinator is. Where none is left it gives up, and so does this.
      await cluster.refreshMetadata()
      try {
        return await askForCoordinator(groupId)
      } catch (error) {
        if (!isStopping()) throw error
        await sleep(askAgainMs)
      }
    }
  }

  /** kafkajs' own way doubles its pauses until they are longer than what is left of the drain. */
  async function askForCoordinator(groupId: string): Promise<PrivateBroker> {
    const broker = await cluster.brokerPool.findConnectedBroker()
    const { coordinator } = await broker.findGroupCoordinator({ groupId, coordinatorType })
    return asCoordinator(await findBroker({ nodeId: coordinator.nodeId }), groupId)
  }

  function asCoordinator(broker: PrivateBroker, groupId: string): PrivateBroker {
    groups.set(broker, groupId)
    return mend(broker)
  }

  Object.assign(cluster, {
    getNodeIds() {
      // Nobody but the fetch manager asks. kafkajs tries once more after an error, sees that it is stopped, and goes on to leave.
      if (hasStopped) throw new Error('this consumer has been stopped')
      return getNodeIds()
    },
    async findBroker(which: { nodeId: string | number }) {
      const groupId = groups.get(which)
      const find = async (): Promise<PrivateBroker> => mend(await findBroker(which))
      return groupId === undefined ? find() : following(groupId, find, async (coordinator) => coordinator)
    },
    async findGroupCoordinator(which: OfGroup) {
      return asCoordinator(await findGroupCoordinator(which), which.groupId)
    },
  })

  return {
    isLookingForCoordinator: () => looking > 0,
    pauseFetching: () => void (isPaused = true),
    stopFetching() {
      hasStopped = true
      for (const end of fetches) end()
      fetches.clear()
    },
  }
}
