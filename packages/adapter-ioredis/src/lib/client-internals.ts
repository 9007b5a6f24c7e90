import type { RedisClient } from './redis-client.ts'

/**
 * What ioredis has no public way to ask or do, in 5.4 to 6.x alike. Each is looked for, and left out where it is missing.
 */
export interface Internals {
  readonly commandQueue?: Queue
  readonly offlineQueue?: Queue
  /** What was in flight when a connection was lost, until it is sent again. */
  readonly prevCommandQueue?: Queue | null
  readonly _autoPipelines?: Map<string, AutoPipeline>
  readonly stream?: Socket | null
  readonly connector?: Connector
  readonly socketTimeoutTimer?: NodeJS.Timeout
  /** True from a `quit` or `disconnect()` until the connection has closed. */
  manuallyClosing?: boolean
  /** `subscriber`: what the connection is subscribed to, if anything. */
  readonly condition?: { readonly subscriber?: false | { channels?(type: string): readonly string[] } } | null
  /** Commands that `defineCommand` has added. */
  readonly scriptsSet?: object
  flushQueue?(error: Error): void
  setStatus?(status: string): void
  sendCommand?: (command: Command, ...destination: unknown[]) => unknown

  // Only of a Cluster.
  readonly connectionPool?: { removeAllListeners?(event: string): unknown }
  readonly delayQueue?: DelayQueue
  readonly _readyDelayedCallbacks?: readonly unknown[]
  _refreshSlotsCacheCallbacks?: unknown[]
  readonly subscriber?: { getInstance?(): RedisClient | null; readonly lastActiveSubscriber?: RedisClient | null }
  readonly shardedSubscribers?: { readonly shardedSubscribers?: ReadonlyMap<string, { getInstance?(): RedisClient | null }> }
  readonly subscriberGroupEmitter?: { removeAllListeners?(): unknown }
  delayUntilReady?: (callback: (error?: Error) => void) => void
  getInfoFromNode?: (node: RedisClient | undefined, callback: unknown) => unknown
  invokeReadyDelayedCallbacks?(error: Error): void
}

export interface Socket {
  readonly destroyed?: boolean
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  destroy(): void
}

interface Connector {
  readonly stream?: Socket | null
  disconnectTimeout?: number
  // Only of a client that asks sentinels.
  readonly failoverDetector?: { readonly sentinels?: readonly { readonly client: RedisClient }[] } | null
  connectToSentinel?: (...parameters: unknown[]) => RedisClient
}

/** The part of the denque package's queue that is used. */
export interface Queue {
  readonly length: number
  toArray?(): readonly { readonly command?: Command }[]
}

export interface Command {
  readonly name?: string
  readonly args?: readonly unknown[]
  /** Another one when a pipeline of a Cluster is sent again. */
  readonly promise?: Promise<unknown>
  readonly _commandTimeoutTimer?: NodeJS.Timeout
  /** Of a pipeline. */
  readonly pipelineIndex?: number
  resolve?: (value: unknown) => unknown
  reject?: (error: Error) => unknown
  getKeys?(): readonly unknown[]
}

/** The commands of one tick, before they are written. Its callbacks settle what the callers wait for, and are kept under a symbol. */
export interface AutoPipeline {
  readonly _queue?: readonly Command[]
}

/** Redirected commands of a Cluster that wait for another try, as functions that send them. */
interface DelayQueue {
  readonly queues?: Readonly<Record<string, { readonly length: number } | null>>
  readonly timeouts?: Record<string, NodeJS.Timeout | null>
  execute?(bucket: string): void
}

export function internalsOf(client: RedisClient): Internals {
  return client as Internals
}

/** The connections of a Cluster; none for a single client. */
export function nodesOf(client: RedisClient): readonly RedisClient[] {
  return client.nodes?.() ?? []
}

export function canFlush(client: RedisClient): boolean {
  return typeof internalsOf(client).flushQueue === 'function'
}
