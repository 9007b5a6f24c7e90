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
  readonly first: string
  last: string
}

export function createUncommitted(): Uncommitted {
  const ranges = new Map<string, Range>()
  const keyOf = (topic: string, partition: number): string => `${topic}[${partition}]`

  return {
    done(topic, partition, offset) {
      const key = keyOf(topic, partition)
      const range = ranges.get(key)
      if (range) range.last = offset
      else ranges.set(key, { first: offset, last: offset })
    },
    committed({ topics }) {
      for (const { topic, partitions } of topics) {
        for (const { partition, offset } of partitions) {
          const key = keyOf(topic, partition)
          const range = ranges.get(key)
          if (!range) continue
          if (BigInt(offset) > BigInt(range.last)) ranges.delete(key)
          else if (BigInt(offset) > BigInt(range.first)) ranges.set(key, { first: String(offset), last: range.last })
        }
      }
    },
    clear: () => ranges.clear(),
    waitingFor: () =>
      [...ranges].map(([key, { first, last }]) => (first === last ? `the commit of ${key} offset ${first}` : `the commit of ${key} offsets ${first} to ${last}`)),
  }
}
