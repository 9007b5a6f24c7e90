import type { OffsetsByTopic } from './consumer-client.ts'

/** What is done with and has not been seen committed: it comes again when the consumer is cut. */
export interface Uncommitted {
  done(topic: string, partition: number, offset: string): void
  /** Takes away what this commit covers: its offsets are those of the next messages. */
  committed(offsets: OffsetsByTopic): void
  /** This partition is to go on elsewhere. */
  rewound(topic: string, partition: number): void
  /** The partitions were given to others, or begin anew. */
  clear(): void
  /** The group was let go: what its handlers still do is not added. */
  close(): void
  readonly isWaiting: (topic: string, partition: number) => boolean
  /** Whether a commit has covered this message, and nothing of its partition waits. */
  readonly isCommitted: (topic: string, partition: number, offset: string) => boolean
  /** One text for each partition. */
  readonly waitingFor: () => readonly string[]
}

interface Partition {
  /** Nothing is uncommitted where there is no first. */
  first: string | undefined
  last: string
  committed: string
}

export function createUncommitted(): Uncommitted {
  const topics = new Map<string, Map<number, Partition>>()
  let closed = false

  function find(topic: string, partition: number): Partition | undefined {
    return topics.get(topic)?.get(partition)
  }

  function add(topic: string, partition: number, state: Partition): void {
    const ofTopic = topics.get(topic) ?? new Map<number, Partition>()
    topics.set(topic, ofTopic.set(partition, state))
  }

  return {
    done(topic, partition, offset) {
      if (closed) return
      const state = find(topic, partition)
      if (!state) add(topic, partition, { first: offset, last: offset, committed: '0' })
      else if (state.first !== undefined) state.last = offset
      // Resolved once more after its commit, as a batch is at its end: kafkajs has nothing to commit then.
      else if (BigInt(offset) >= BigInt(state.committed)) Object.assign(state, { first: offset, last: offset })
    },
    committed(offsets) {
      for (const { topic, partitions } of offsets.topics) {
        for (const each of partitions) {
          // In kafkajs' own commits it is a text, whatever the types say.
          const partition = Number(each.partition)
          const committed = String(each.offset)
          const state = find(topic, partition)
          if (!state) add(topic, partition, { first: undefined, last: committed, committed })
          else if (state.first === undefined || BigInt(committed) > BigInt(state.last)) Object.assign(state, { first: undefined, committed })
          else if (BigInt(committed) > BigInt(state.first)) state.first = committed
        }
      }
    },
    rewound: (topic, partition) => void topics.get(topic)?.delete(partition),
    clear: () => topics.clear(),
    close: () => void (closed = true),
    isWaiting: (topic, partition) => find(topic, partition)?.first !== undefined,
    isCommitted(topic, partition, offset) {
      const state = find(topic, partition)
      return state !== undefined && state.first === undefined && BigInt(state.committed) > BigInt(offset)
    },
    waitingFor: () =>
      [...topics].flatMap(([topic, ofTopic]) =>
        [...ofTopic].flatMap(([partition, { first, last }]) =>
          first === undefined ? [] : `the commit of ${topic}[${partition}] ${first === last ? `offset ${first}` : `offsets ${first} to ${last}`}`,
        ),
      ),
  }
}
