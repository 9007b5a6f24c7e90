import type { Partitions, Position } from './consumer-client.ts'

/** Where partitions are to go on that are not to go on behind the last message: a `seek` was asked for, or a handler has paused them and returned. */
export interface Rewinds {
  readonly size: () => number
  readonly list: () => readonly Rewind[]
  /** Whether this message comes again by one of them. */
  readonly comesAgain: (topic: string, partition: number, offset: string) => boolean
  /** The newest counts, as it does in kafkajs. */
  set(position: Position, why: Rewind['why']): void
  /** A message is handed out in this partition: it is there. */
  reached(topic: string, partition: number): void
  /** The broker has it, or has refused it. */
  readonly settled: (rewind: Rewind) => void
  /** Whoever paused them has come to an end with what it had left. */
  resumed(topics: readonly Partitions[]): void
  /** Drops what is not among the partitions of this member. */
  keep(assignment: Readonly<Record<string, readonly number[]>>): void
}

export interface Rewind extends Position {
  readonly why: 'seek' | 'pause'
}

/** Kafka's number for the end of a partition; that for its beginning is -2. */
const latest = '-1'

export function createRewinds(): Rewinds {
  const all = new Map<string, Rewind>()
  const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`

  function dropUnless(isKept: (rewind: Rewind) => boolean): void {
    for (const [key, rewind] of all) if (!isKept(rewind)) all.delete(key)
  }

  return {
    size: () => all.size,
    list: () => [...all.values()],
    comesAgain(topic, partition, offset) {
      const rewind = all.get(keyOf(topic, partition))
      return rewind !== undefined && isBehind(rewind, offset)
    },
    set({ topic, partition, offset }, why) {
      all.set(keyOf(topic, partition), { topic, partition: Number(partition), offset: String(offset), why })
    },
    reached: (topic, partition) => void all.delete(keyOf(topic, partition)),
    settled: (rewind) => dropUnless((each) => each !== rewind),
    resumed: (topics) => dropUnless(({ topic, partition, why }) => why === 'seek' || !covers(topics, topic, partition)),
    keep: (assignment) => dropUnless(({ topic, partition }) => assignment[topic]?.includes(partition) ?? false),
  }
}

/** Whether a partition that goes on from this position has this message before it. */
export function isBehind(position: Pick<Position, 'offset'>, offset: string): boolean {
  return position.offset !== latest && BigInt(offset) >= BigInt(position.offset)
}

export function covers(topics: readonly Partitions[], topic: string, partition: number): boolean {
  return topics.some((each) => each.topic === topic && (each.partitions === undefined || each.partitions.includes(partition)))
}
