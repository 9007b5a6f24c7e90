/** Where a partition of a topic is, or is to be; for a commit it is the offset of the next message. */
export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: string
}

/** Without `partitions` all of them. */
export interface Partitions {
  readonly topic: string
  readonly partitions?: number[]
}

/** The subset of kafkajs' `Consumer` that is needed. */
export interface KafkaConsumerClient {
  readonly events: {
    readonly CONNECT: 'consumer.connect'
    readonly GROUP_JOIN: 'consumer.group_join'
    readonly HEARTBEAT: 'consumer.heartbeat'
    readonly CRASH: 'consumer.crash'
    readonly COMMIT_OFFSETS: 'consumer.commit_offsets'
    readonly REBALANCING: 'consumer.rebalancing'
  }
  connect(): Promise<void>
  disconnect(): Promise<void>
  stop(): Promise<void>
  subscribe(subscription: { topics: (string | RegExp)[]; fromBeginning?: boolean }): Promise<void>
  run(config?: never): Promise<void>
  commitOffsets(offsets: Position[]): Promise<void>
  seek(position: Position): void
  pause(topics: Partitions[]): void
  resume(topics: Partitions[]): void
  describeGroup(): Promise<unknown>
  logger(): { error(message: string, extra?: object): void }
  on(
    event:
      | 'consumer.connect'
      | 'consumer.group_join'
      | 'consumer.heartbeat'
      | 'consumer.crash'
      | 'consumer.commit_offsets'
      | 'consumer.rebalancing',
    listener: (event: { readonly payload: unknown }) => void,
  ): unknown
}

/** What a message handler gets. */
export interface MessagePayload {
  readonly topic: string
  readonly partition: number
  readonly message: { readonly offset: string }
  heartbeat(): Promise<void>
  /** Returns what resumes the partition. */
  pause(): () => void
}

/** What is to be committed. */
export interface OffsetsByTopic {
  topics: { topic: string; partitions: { partition: number; offset: string }[] }[]
}

/** What a batch handler gets, as far as it is needed. */
export interface BatchPayload {
  readonly batch: {
    readonly topic: string
    readonly partition: number
    readonly messages: readonly { readonly offset: string }[]
    lastOffset(): string
  }
  heartbeat(): Promise<void>
  pause(): () => void
  isRunning(): boolean
  /** Whether a `seek` has been asked for in this partition that is not applied yet. */
  isStale(): boolean
  resolveOffset(offset: string): void
  commitOffsetsIfNecessary(offsets?: OffsetsByTopic): Promise<void>
}

/** The options of `consumer.run` that decide how it must be stopped. */
export interface RunConfig {
  readonly autoCommit?: boolean
  readonly autoCommitInterval?: number | null
  readonly autoCommitThreshold?: number | null
  readonly eachBatchAutoResolve?: boolean
  readonly eachMessage?: (payload: MessagePayload) => Promise<void>
  readonly eachBatch?: (payload: BatchPayload) => Promise<void>
}
