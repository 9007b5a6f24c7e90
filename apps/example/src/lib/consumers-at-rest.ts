import { setTimeout as delay } from 'node:timers/promises'
import type { Admin, Kafka } from 'kafkajs'

export interface AtRestOptions {
  readonly topic: string
  readonly group: string
  /** Longest time without progress, in ms. */
  readonly standstillMs: number
  readonly signal?: AbortSignal
}

export interface GroupProgress {
  /** The group's committed offset (of the next event) of each partition; 0 where it has committed nothing. */
  readonly committed: ReadonlyMap<number, bigint>
  /** Whether that is the end of every partition. */
  readonly caughtUp: boolean
}

const pollMs = 100

/** Waits until the group has committed up to the end of the topic, or has committed nothing new for `standstillMs`. */
export async function consumersAtRest(kafka: Kafka, { topic, group, standstillMs, signal }: AtRestOptions): Promise<GroupProgress> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    let progress = await progressOf(admin, topic, group)
    let movedAt = performance.now()
    while (!progress.caughtUp && performance.now() - movedAt < standstillMs) {
      await delay(pollMs, undefined, signal && { signal })
      const next = await progressOf(admin, topic, group)
      if (sum(next) !== sum(progress)) movedAt = performance.now()
      progress = next
    }
    return progress
  } finally {
    await admin.disconnect()
  }
}

async function progressOf(admin: Admin, topic: string, group: string): Promise<GroupProgress> {
  const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  const ends = await admin.fetchTopicOffsets(topic)
  // -1 stands for "nothing committed".
  const committed = new Map((offsets?.partitions ?? []).map(({ partition, offset }) => [partition, BigInt(offset) < 0n ? 0n : BigInt(offset)]))
  // A partition that was always empty never gets a commit.
  return { committed, caughtUp: ends.every(({ partition, high, low }) => high === low || (committed.get(partition) ?? 0n) >= BigInt(high)) }
}

function sum(progress: GroupProgress): bigint {
  return [...progress.committed.values()].reduce((total, offset) => total + offset, 0n)
}
