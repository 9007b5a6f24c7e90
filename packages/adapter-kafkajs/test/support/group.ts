import { Kafka } from 'kafkajs'
import { onTestFinished } from 'vitest'
import { kafkaConfig } from './topic.ts'

/** Another member of a group, a plain kafkajs one: what the others see when ours leaves, or does not. */
export interface Other {
  /** Resolves with the ms until this member has been given all partitions, and with the offsets by partition where it then began. */
  readonly takesAll: (partitions: number) => Promise<{ tookMs: number }>
  /** `partition:offset` of each message that it was given, in order. */
  readonly handled: readonly string[]
}

/** Joins, and resolves when it has. */
export async function joinAsOther(brokers: readonly string[], groupId: string, topic: string): Promise<Other> {
  const consumer = new Kafka(kafkaConfig(brokers)).consumer({ groupId, maxWaitTimeInMs: 50, heartbeatInterval: 50, sessionTimeout: 30_000 })
  const handled: string[] = []
  let assigned = 0
  let onAssigned = (): void => {}
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    assigned = payload.memberAssignment[topic]?.length ?? 0
    onAssigned()
  })
  onTestFinished(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ eachMessage: async ({ partition, message }) => void handled.push(`${partition}:${message.offset}`) })
  return {
    handled,
    takesAll(partitions) {
      const since = performance.now()
      return new Promise((resolve) => {
        onAssigned = () => assigned === partitions && resolve({ tookMs: performance.now() - since })
        onAssigned()
      })
    },
  }
}
