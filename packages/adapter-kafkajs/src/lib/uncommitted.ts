import type { OffsetsByTopic } from './consumer-client.ts'

/** What is done with and has not been seen committed: it comes again when the consumer is cut. */
export interface Uncommitted {
  done(topic: string, partition: number, offset: string): void
  /** Takes away what this commit covers: its offsets are those of the next messages. */
  committed(offsets: OffsetsByTopic): void
  /** The partitions were given to others, or begin anew. */
  clear(): void
  /** One text for each partition. */
  readonly waitingFor: () => readonly string[]
}

interface Range {
  first: string
  last: string
}

export function createUncommitted(): Uncommitted {
  const ranges = new Map<string, Map<number, Range>>()

  return {
    done(topic, partition, offset) {
      const ofTopic = ranges.get(topic)
      const range = ofTopic?.get(partition)
      if (range) range.last = offset
      else if (ofTopic) ofTopic.set(partition, { first: offset, last: offset })
      else ranges.set(topic, new Map([[partition, { first: offset, last: offset }]]))
    },
    committed({ topics }) {
      for (const { topic, partitions } of topics) {
        for (const { partition, offset } of partitions) {
          const range = ranges.get(topic)?.get(partition)
          if (!range) continue
          if (BigInt(offset) > BigInt(range.last)) ranges.get(topic)?.delete(partition)
          else if (BigInt(offset) > BigInt(range.first)) range.first = String(offset)
        }
      }
    },
    clear: () => ranges.clear(),
    waitingFor: () =>
      [...ranges].flatMap(([topic, ofTopic]) =>
        [...ofTopic].map(([partition, { first, last }]) => `the commit of ${topic}[${partition}] ${first === last ? `offset ${first}` : `offsets ${first} to ${last}`}`),
      ),
  }
}
