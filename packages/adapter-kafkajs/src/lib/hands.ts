import type { BatchPayload, KafkaConsumerClient, Partitions } from './consumer-client.ts'
import type { ConsumerTally } from './consumer-tally.ts'
import type { PrivateRunner } from './kafkajs-runner.ts'
import { covers, type Rewinds } from './rewinds.ts'
import type { Uncommitted } from './uncommitted.ts'

/** A batch of which a handler has something in hand. */
export interface InHand {
  readonly payload: BatchPayload
  /** When its handler began, by `Date.now()`: a third of the cost of a monotonic clock, and it is asked for each message. */
  since: number
  /** Whether its handler runs. Between two messages of a batch it does not. */
  isBusy: boolean
  /** The one that the handler is at, where it gets single messages. */
  message: { readonly offset: string } | undefined
  /** What the handler has resolved, where it gets batches. */
  resolved: string | undefined
  /** The handler has paused the partition, and nobody has resumed it. */
  hasPaused: boolean
}

/** What the handlers of a consumer have in hand, and what kafkajs hears of it. */
export interface Hands {
  readonly count: () => number
  /** One text each, oldest first. */
  readonly waitingFor: () => readonly string[]
  readonly onEnd: (callback: () => void) => () => void
  readonly isClosed: () => boolean
  /** Whether a handler has something of this partition in hand. */
  readonly isAt: (topic: string, partition: number) => boolean
  /** Lets no handler begin from now on. kafkajs hears of no handler's end before `release`: it would fetch, and hand out, or join anew. */
  close(): void
  /** For a consumer that has been told to stop. */
  release(): void
  /** Tells the group that this member is alive, and commits what is resolved. */
  readonly beat: () => void
  /** Commits what is resolved, with automatic commits. Never rejects: `uncommitted` tells of what no answer confirms. */
  readonly commit: () => Promise<void>
  /** For the handlers: something is in hand, or no longer. What `end` returns is what kafkajs waits for. */
  begin(runner: PrivateRunner, payload: BatchPayload): InHand
  end(inHand: InHand): Promise<void>
  /** For a batch that comes when no handler may begin. */
  refuse(runner: PrivateRunner): Promise<void>
  /** Whether kafkajs is to hear of this error. It does not where it is stopping: it would sleep, or crash. */
  failed(inHand: InHand, error: unknown): boolean
  /** For a handler: pauses its partition, and returns what resumes it. */
  pause(inHand: InHand): () => void
  paused(topics: readonly Partitions[]): void
  resumed(topics: readonly Partitions[]): void
  /** Of the consumer's present run, if a batch came in it. */
  readonly runner: () => PrivateRunner | undefined
  /** kafkajs has crashed, and runs no longer. */
  readonly crashed: () => void
  /** kafkajs joins the group anew, or has done it. */
  rejoining(isRejoining: boolean): void
  readonly isRejoining: () => boolean
}

export interface HandsOptions {
  readonly consumer: KafkaConsumerClient
  readonly autoCommit: boolean
  readonly rewinds: Rewinds
  readonly tally: ConsumerTally
}

/** What the handlers share. */
export interface HandlerContext extends Omit<HandsOptions, 'consumer'> {
  readonly hands: Hands
  readonly uncommitted: Uncommitted
}

/** With these kafkajs joins anew at once. */
const rejoining = ['REBALANCE_IN_PROGRESS', 'NOT_COORDINATOR_FOR_GROUP', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID']

export function createHands({ consumer, autoCommit, rewinds, tally }: HandsOptions): Hands {
  /** Oldest first. */
  const all: InHand[] = []
  const listeners = new Set<() => void>()
  let runner: PrivateRunner | undefined
  let closed = false
  let isRejoining = false
  let release = (): void => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  let committing: Promise<void> = Promise.resolve()
  let nextCommit: Promise<void> | undefined

  /** One after the other: over another broker one could overtake the next. */
  function commit(): Promise<void> {
    nextCommit ??= committing.then(() => {
      nextCommit = undefined
      return commitNow()
    })
    committing = nextCommit
    return committing
  }

  async function commitNow(): Promise<void> {
    try {
      if (autoCommit) await runner?.consumerGroup.commitOffsets()
    } catch {
      // Told by `uncommitted`.
    }
  }

  async function end(inHand: InHand): Promise<void> {
    inHand.isBusy = false
    if (all.at(-1) === inHand) all.pop()
    else all.splice(all.indexOf(inHand), 1)
    for (const listener of listeners) listener()
    if (!closed) return
    void commit()
    await released
    await committing
  }

  function logFailure({ payload: { batch }, message }: InHand, error: unknown): void {
    if (!message || (error as Error)?.name?.startsWith('KafkaJS')) return
    // As kafkajs says it when it hands out the messages itself.
    const stack = (error as Error)?.stack
    consumer.logger().error('Error when calling eachMessage', { topic: batch.topic, partition: batch.partition, offset: message.offset, stack, error })
  }

  return {
    count: () => all.reduce((sum, { isBusy }) => sum + Number(isBusy), 0),
    waitingFor: () => all.filter(({ isBusy }) => isBusy).map((each) => `${describe(each)} ${(Math.max(0, Date.now() - each.since) / 1_000).toFixed(1)} s`),
    onEnd(callback) {
      listeners.add(callback)
      return () => void listeners.delete(callback)
    },
    isClosed: () => closed,
    isAt: (topic, partition) => all.some(({ payload: { batch } }) => batch.topic === topic && batch.partition === partition),
    close() {
      if (closed) return
      closed = true
      // kafkajs commits at the end of a batch, so a handler that is then cut would bring back what was handled before it in the same batch.
      if (all.length > 0) void commit()
    },
    release: () => release(),
    beat() {
      runner?.heartbeat().catch(() => {})
      if (all.length > 0) void commit()
    },
    commit,
    begin(by, payload) {
      runner = by
      if (rewinds.size() > 0 && !payload.isStale()) rewinds.reached(payload.batch.topic, payload.batch.partition)
      const inHand: InHand = { payload, since: Date.now(), isBusy: true, message: undefined, resolved: undefined, hasPaused: false }
      all.push(inHand)
      return inHand
    },
    end,
    async refuse(by) {
      runner = by
      await released
    },
    failed(inHand, error) {
      if (inHand.isBusy) logFailure(inHand, error)
      if (closed && inHand.isBusy) tally.note(`delivered again: ${describe(inHand)}, whose handler failed (${describeBriefly(error)})`)
      if (!closed && rejoining.includes((error as { type?: string } | undefined)?.type ?? '')) isRejoining = true
      return !closed
    },
    pause(inHand) {
      const { payload } = inHand
      const { topic, partition } = payload.batch
      const resume = payload.pause()
      inHand.hasPaused = true
      return () => {
        inHand.hasPaused = false
        rewinds.resumed([{ topic, partitions: [partition] }])
        resume()
      }
    },
    paused: (topics) => mark(topics, true),
    resumed(topics) {
      mark(topics, false)
      rewinds.resumed(topics)
    },
    runner: () => runner,
    crashed() {
      runner = undefined
      isRejoining = false
    },
    rejoining: (now) => void (isRejoining = now),
    isRejoining: () => isRejoining || runner?.consumerGroup.memberId === null,
  }

  function mark(topics: readonly Partitions[], hasPaused: boolean): void {
    for (const each of all) if (covers(topics, each.payload.batch.topic, each.payload.batch.partition)) each.hasPaused = hasPaused
  }
}

/** Where it is. */
export function describe({ payload: { batch }, message, resolved }: InHand): string {
  const at = `${batch.topic}[${batch.partition}]`
  if (message) return `${at} offset ${message.offset}`
  const last = batch.messages.at(-1)?.offset ?? batch.lastOffset()
  const next = resolved === undefined ? (batch.messages[0]?.offset ?? last) : String(BigInt(resolved) + 1n)
  if (BigInt(next) > BigInt(last)) return `${at} at the end of a batch, offset ${last}`
  return next === last ? `${at} offset ${last}` : `${at} offsets ${next} to ${last}`
}

function describeBriefly(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
