import { Kafka, logLevel, Partitioners, type Admin, type EachMessagePayload, type KafkaConfig } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

/** Quiet, and with the retries of production: kafkajs has others when NODE_ENV is "test". */
export function kafkaConfig(brokers: readonly string[]): KafkaConfig {
  return {
    clientId: 'lameduck-test',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    retry: { maxRetryTime: 30_000, initialRetryTime: 300, factor: 0.2, multiplier: 2, retries: 5 },
  }
}

/** A new topic of three partitions that holds `messages` messages, numbered by their values, turn by turn. */
export async function createTopic(brokers: readonly string[], messages: number, topic: string = `orders-${randomUUID()}`): Promise<string> {
  const admin = new Kafka(kafkaConfig(brokers)).admin()
  await admin.connect()
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: false })
    // kafkajs' own waiting for leaders gives up at once while the broker does not know the topic yet.
    while (!(await hasLeaders(admin, topic))) await sleep(20)
    // A leader that has just been told of it refuses the first messages.
    await untilAnswered(() => admin.fetchTopicOffsets(topic))
  } finally {
    await admin.disconnect()
  }
  if (messages > 0) await write(brokers, topic, messages)
  return topic
}

export async function hasLeaders(admin: Admin, topic: string): Promise<boolean> {
  const found = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => undefined)
  return found !== undefined && found.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))
}

/** Writes `messages` messages, numbered by their values, turn by turn to the first `partitions` partitions. */
export async function write(brokers: readonly string[], topic: string, messages: number, partitions: number = 3): Promise<void> {
  const producer = new Kafka(kafkaConfig(brokers)).producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true })
  await producer.connect()
  try {
    // A topic that is new may refuse some of it, and kafkajs then sends all of it again.
    await producer.send({ topic, messages: Array.from({ length: messages }, (_, n) => ({ value: String(n), partition: n % partitions })) })
  } finally {
    await producer.disconnect()
  }
}

/** Asks, and asks again while the broker says "not now", as one does that was too busy to be heard of and has to load its groups again. */
export async function ask<T>(brokers: readonly string[], question: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka(kafkaConfig(brokers)).admin()
  await admin.connect()
  try {
    return await untilAnswered(() => question(admin))
  } finally {
    await admin.disconnect()
  }
}

export async function untilAnswered<T>(question: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await question()
    } catch (error) {
      const { type = '', retriable = false } = error as { type?: string; retriable?: boolean }
      if (!retriable && type !== 'NOT_COORDINATOR_FOR_GROUP') throw error
      await sleep(100)
    }
  }
}

/** How many messages the group has committed, and the topic holds, over all partitions; and how many members the group has. */
export function look(brokers: readonly string[], groupId: string, topic: string): Promise<{ committed: number; written: number; members: number }> {
  return ask(brokers, async (admin) => {
    const committed = await offsetsOf(admin, groupId, topic)
    const ends = await admin.fetchTopicOffsets(topic)
    const { groups } = await admin.describeGroups([groupId])
    return {
      committed: committed.reduce((sum, offset) => sum + offset, 0),
      written: ends.reduce((sum, { offset }) => sum + Number(offset), 0),
      members: groups[0]?.members.length ?? 0,
    }
  })
}

/** What the group has committed, by partition; 0 where it has not. */
export function committedBy(brokers: readonly string[], groupId: string, topic: string): Promise<number[]> {
  return ask(brokers, (admin) => offsetsOf(admin, groupId, topic))
}

export async function offsetsOf(admin: Admin, groupId: string, topic: string): Promise<number[]> {
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
  const byPartition = offsets?.partitions.toSorted((one, other) => one.partition - other.partition) ?? []
  return byPartition.map(({ offset }) => Math.max(0, Number(offset)))
}

/** As the broker has it: `Dead` for one that it does not know. */
export function groupState(brokers: readonly string[], groupId: string): Promise<string | undefined> {
  return ask(brokers, async (admin) => (await admin.describeGroups([groupId])).groups[0]?.state)
}

/** The values of the first `least` messages of a topic, and of what comes in the same fetches. */
export async function readValues(kafka: Kafka, topic: string, least: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 })
  const values: string[] = []
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: EachMessagePayload): Promise<void> => {
        values.push(String(message.value))
        if (values.length >= least) resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
  return values
}
