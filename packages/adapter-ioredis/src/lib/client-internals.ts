import type { RedisClient } from './redis-client.ts'

/**
 * What ioredis has no public way to ask or do, in 5.x and 6.x alike: its queues, its socket, and `flushQueue`. Each is
 * looked for and left out where it is missing.
 */
interface Internals {
  readonly commandQueue?: Queue
  readonly offlineQueue?: Queue
  /** What was in flight when a connection was lost, until it is sent again. */
  readonly prevCommandQueue?: Queue | null
  readonly _runningAutoPipelines?: { readonly size: number }
  readonly stream?: Destroyable | null
  readonly connector?: { stream?: Destroyable | null; disconnectTimeout?: number }
  flushQueue?(error: Error): void
  setStatus?(status: string): void
  nodes?(): readonly RedisClient[]
}

interface Destroyable {
  readonly destroyed?: boolean
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  destroy(): void
}

/** The part of the denque package's queue that is used. */
interface Queue {
  readonly length: number
  toArray?(): readonly { readonly command?: { readonly name?: string; readonly promise?: Promise<unknown>; reject?(error: Error): void } }[]
}

/** Commands whose caller waits: written or queued, on every node of a cluster. */
export function countCommands(client: RedisClient): number {
  return queuesOf(client).reduce((sum, queue) => sum + queue.length, client.autoPipelineQueueSize)
}

/** `BLPOP ×2`, one text for each kind of command that waits. */
export function describeCommands(client: RedisClient): string[] {
  const counts = new Map<string, number>()
  for (const queue of queuesOf(client)) {
    for (const { command } of queue.toArray?.() ?? []) {
      const name = (command?.name ?? 'a command').toUpperCase()
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  return [...counts].map(([name, count]) => (count > 1 ? `${name} ×${count}` : name))
}

/** Auto-pipelining holds commands back, or runs scripts' checks before it writes them: `QUIT` would overtake them. */
export function isHoldingBack(client: RedisClient): boolean {
  return client.autoPipelineQueueSize > 0 || ((client as Internals)._runningAutoPipelines?.size ?? 0) > 0
}

export function canFlush(client: RedisClient): boolean {
  return typeof (client as Internals).flushQueue === 'function'
}

/** The address that the server knows this connection by, where nothing translates it. */
export function localAddressOf(client: RedisClient): string | undefined {
  const { stream } = client as Internals
  return stream?.localAddress && stream.localPort ? `${stream.localAddress}:${stream.localPort}` : undefined
}

/**
 * Ends the client whatever its state: the socket is destroyed, every command's promise rejects with `error`, no timer
 * stays, and commands that are sent later reject too. Returns at once.
 *
 * `disconnect()` alone does none of that in every state. On a frozen server it waits 2 s for the other side
 * (`disconnectTimeout`); while reconnecting it settles nothing, never emits `end`, and leaves that 2 s timer on a socket
 * that is long closed (redis/ioredis#2169); and commands that wait to be sent again are forgotten.
 */
export function cutClient(client: RedisClient, error: Error): void {
  const internals = client as Internals
  const nodes = nodesOf(client)
  const waiting = ownQueues(client).flatMap((queue) => queue.toArray?.() ?? [])
  // Whoever holds the promise still sees it reject; whoever threw it away must not end the process by it.
  for (const { command } of waiting) command?.promise?.catch(() => {})
  const { connector } = internals
  if (typeof connector?.disconnectTimeout === 'number') connector.disconnectTimeout = 0
  if (client.status !== 'end') client.disconnect()
  const socket = internals.stream ?? connector?.stream
  const hasSocket = socket ? !socket.destroyed : false
  socket?.destroy()
  internals.flushQueue?.(error)
  for (const { command } of waiting) command?.reject?.(error)
  for (const node of nodes) cutClient(node, error)
  if (!hasSocket && client.status !== 'end' && nodes.length === 0) internals.setStatus?.('end')
}

function queuesOf(client: RedisClient): Queue[] {
  return [client, ...nodesOf(client)].flatMap(ownQueues)
}

function ownQueues(client: RedisClient): Queue[] {
  const { commandQueue, offlineQueue, prevCommandQueue } = client as Internals
  return [...new Set([prevCommandQueue, commandQueue, offlineQueue])].filter((queue) => queue !== null && queue !== undefined)
}

function nodesOf(client: RedisClient): readonly RedisClient[] {
  return (client as Internals).nodes?.() ?? []
}
