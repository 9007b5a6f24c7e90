import { closedError, type Tracker } from '@lameduck/core'
import type { KafkaConsumerClient, OffsetsByTopic, Partitions, Position } from './consumer-client.ts'
import type { ConsumerTally } from './consumer-tally.ts'
import type { Hands } from './hands.ts'
import type { Rewinds } from './rewinds.ts'
import type { Uncommitted } from './uncommitted.ts'

/** What kafkajs does by itself, before it is replaced. */
export interface ConsumerCalls {
  commitOffsets(offsets: Position[]): Promise<void>
  seek(position: Position): void
  /** What a commit has confirmed, for those who wait for it. */
  committed(offsets: OffsetsByTopic): void
  /** The consumer is told to stop. */
  stopped(): void
}

export interface FollowOptions {
  /** Of the resource. */
  readonly name: string
  /** Counts commits by hand. */
  readonly calls: Tracker
  readonly hands: Hands
  readonly rewinds: Rewinds
  readonly uncommitted: Uncommitted
  readonly tally: ConsumerTally
}

/**
 * Replaces the functions by which a service steers a consumer by functions that do the same, and are known: commits by hand are counted,
 * and reject where they have done nothing; seeks and pauses are remembered.
 *
 * Once the consumer has been told to stop, commits and seeks are refused. `pause` and `resume` do nothing then: there is nothing to fetch, and
 * a timer that resumes must not throw.
 */
export function followCalls(consumer: KafkaConsumerClient, { name, calls, hands, rewinds, uncommitted, tally }: FollowOptions): ConsumerCalls {
  const commitOffsets = consumer.commitOffsets.bind(consumer)
  const seek = consumer.seek.bind(consumer)
  const pause = consumer.pause.bind(consumer)
  const resume = consumer.resume.bind(consumer)
  const describeGroup = consumer.describeGroup.bind(consumer)
  const waiting = new Set<(offsets: OffsetsByTopic) => void>()
  let hasStopped = false

  /** kafkajs resolves a commit without having done anything while it stops, and while it joins after a crash. */
  async function commitForSure(offsets: Position[]): Promise<void> {
    const [first] = offsets
    let isConfirmed = first === undefined
    const hear = (committed: OffsetsByTopic): void => {
      isConfirmed ||= first !== undefined && holds(committed, first)
    }
    waiting.add(hear)
    try {
      await commitOffsets(offsets)
    } finally {
      waiting.delete(hear)
    }
    if (!isConfirmed) throw new Error(`${name} is not running: nothing was committed`)
  }

  Object.assign(consumer, {
    commitOffsets: (offsets: Position[] = []) => calls.track(() => describeCommit(offsets), () => commitForSure(offsets)),
    describeGroup: () => calls.track(() => 'describeGroup', describeGroup),
    seek(position: Position) {
      if (hasStopped) {
        calls.tally.refused('seek')
        throw closedError(name, 'seek')
      }
      seek(position)
      rewinds.set(position, 'seek')
      tally.rewound(position)
      uncommitted.rewound(position.topic, Number(position.partition))
    },
    pause(topics: Partitions[] = []) {
      if (hasStopped) return
      pause(topics)
      hands.paused(topics)
    },
    resume(topics: Partitions[] = []) {
      hands.resumed(topics)
      if (!hasStopped) resume(topics)
    },
  })

  return {
    commitOffsets,
    seek,
    committed(offsets) {
      for (const hear of waiting) hear(offsets)
    },
    stopped: () => void (hasStopped = true),
  }
}

function holds({ topics }: OffsetsByTopic, { topic, partition, offset }: Position): boolean {
  const found = topics.find((each) => each.topic === topic)?.partitions.find((each) => Number(each.partition) === Number(partition))
  return found !== undefined && BigInt(String(found.offset)) === BigInt(offset)
}

function describeCommit(offsets: readonly Position[]): string {
  const [first] = offsets
  if (!first) return 'a commit of nothing'
  return `the commit of ${first.topic}[${first.partition}] up to ${first.offset}${offsets.length > 1 ? ` and of ${offsets.length - 1} more` : ''}`
}
