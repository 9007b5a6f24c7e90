import { randomUUID } from 'node:crypto'
import type { Batch, EachBatchPayload, Kafka } from 'kafkajs'

export interface ReadTopicOptions {
  readonly topic: string
  readonly signal?: AbortSignal
}

export interface PublishedEvent {
  /** The event's key. */
  readonly orderId: string
  readonly partition: number
  readonly offset: string
}

/** Every event that is in the topic now, from the first to the last, read with a consumer group of its own that is deleted afterwards. */
export async function readTopic(kafka: Kafka, { topic, signal }: ReadTopicOptions): Promise<readonly PublishedEvent[]> {
  const groupId = `verdict-${randomUUID()}`
  const admin = kafka.admin()
  await admin.connect()
  try {
    const ends = await admin.fetchTopicOffsets(topic)
    const left = new Map(ends.filter(({ high, low }) => high !== low).map(({ partition, high }) => [partition, BigInt(high)]))
    if (left.size === 0) return []
    return await readUntil(kafka, groupId, topic, left, signal)
  } finally {
    await admin.deleteGroups([groupId]).catch(() => {})
    await admin.disconnect()
  }
}

/** `left`: the end offset of each partition that has not been read to it yet. */
async function readUntil(kafka: Kafka, groupId: string, topic: string, left: Map<number, bigint>, signal: AbortSignal | undefined): Promise<readonly PublishedEvent[]> {
  // By place, because a group that rebalances reads some of them again.
  const events = new Map<string, PublishedEvent>()
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, retry: { retries: 5, restartOnFailure: async () => false } })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
        keep(batch)
        if (left.size === 0) resolve()
      }
      consumer.run({ autoCommit: false, eachBatch }).catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
  return [...events.values()]

  function keep({ partition, messages }: Batch): void {
    const end = left.get(partition)
    for (const { key, offset } of messages) {
      if (end === undefined || BigInt(offset) >= end) break
      events.set(`${partition}/${offset}`, { orderId: String(key), partition, offset })
    }
    const last = messages.at(-1)
    if (end !== undefined && last && BigInt(last.offset) + 1n >= end) left.delete(partition)
  }
}
