import type { BatchPayload, OffsetsByTopic, RunConfig } from './consumer-client.ts'

/**
 * What kafkajs 2.2.4 keeps to itself of a running consumer; a new one after every crash. It calls the handler of batches as a method of
 * this, so that a handler that is no arrow function has it as its `this`. The subset that is needed.
 */
export interface PrivateRunner {
  /** While it is true, `stop()` waits before it leaves the group; kafkajs sets it to false when its back-off is over. */
  consuming: boolean
  /** Of this member, unless one went out less than a `heartbeatInterval` ago. */
  heartbeat(): Promise<void>
  readonly consumerGroup: PrivateGroup
}

interface PrivateGroup {
  /** None while kafkajs joins anew because the coordinator does not know it any more. */
  readonly memberId: string | null
  /** Seeks that were asked for; a fetch applies them. */
  readonly seekOffset: { readonly size: number }
  isPaused(topic: string, partition: number): boolean
  /** Does what the next fetch would do with the seeks of these: commits where they go, with automatic commits, and forgets what was resolved. */
  seekOffsets(topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]): Promise<void>
  /** Commits what is resolved and not committed; works while the consumer stops, too. */
  commitOffsets(offsets?: OffsetsByTopic): Promise<void>
}

/** A handler as kafkajs calls it. */
export type BatchHandler = (this: PrivateRunner, payload: BatchPayload) => Promise<void>

/** What `consumer.run` gets of us: kafkajs' own handing out of single messages is not used. */
export interface BatchRunConfig extends Omit<RunConfig, 'eachMessage' | 'eachBatch'> {
  readonly eachBatchAutoResolve: false
  readonly eachBatch: BatchHandler
}
