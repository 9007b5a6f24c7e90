/** The subset of kafkajs' `Consumer` that is needed. */
export interface KafkaConsumerClient {
  readonly events: {
    readonly CONNECT: 'consumer.connect'
    readonly GROUP_JOIN: 'consumer.group_join'
    readonly HEARTBEAT: 'consumer.heartbeat'
    readonly CRASH: 'consumer.crash'
    readonly COMMIT_OFFSETS: 'consumer.commit_offsets'
  }
  connect(): Promise<void>
  disconnect(): Promise<void>
  stop(): Promise<void>
  subscribe(subscription: { topics: (string | RegExp)[]; fromBeginning?: boolean }): Promise<void>
  run(config?: never): Promise<void>
  commitOffsets(offsets: { topic: string; partition: number; offset: string }[]): Promise<void>
  pause(topics: { topic: string; partitions?: number[] }[]): void
  on(
    event: 'consumer.connect' | 'consumer.group_join' | 'consumer.heartbeat' | 'consumer.crash' | 'consumer.commit_offsets',
    listener: (event: { readonly payload: unknown }) => void,
  ): unknown
}

/** What a message handler gets, as far as it is needed. */
export interface MessagePayload {
  readonly topic: string
  readonly partition: number
  readonly message: { readonly offset: string }
  heartbeat(): Promise<void>
}

/** What is to be committed. */
export interface OffsetsByTopic {
  topics: { topic: string; partitions: { partition: number; offset: string }[] }[]
}

/** What a batch handler gets, as far as it is needed. */
export interface BatchPayload {
  readonly batch: { readonly topic: string; readonly partition: number; firstOffset(): string | null; lastOffset(): string }
  heartbeat(): Promise<void>
  isRunning(): boolean
  resolveOffset(offset: string): void
  uncommittedOffsets(): OffsetsByTopic
  commitOffsetsIfNecessary(offsets?: OffsetsByTopic): Promise<void>
}

/** The options of `consumer.run` that decide how it must be stopped. */
export interface RunConfig {
  readonly autoCommit?: boolean
  readonly eachBatchAutoResolve?: boolean
  readonly eachMessage?: (payload: MessagePayload) => Promise<void>
  readonly eachBatch?: (payload: BatchPayload) => Promise<void>
}
