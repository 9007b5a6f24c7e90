import { Kafka, logLevel, Partitioners, type EachMessagePayload, type KafkaConfig } from 'kafkajs'
import { randomUUID } from 'node:crypto'

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
  const kafka = new Kafka(kafkaConfig(brokers))
  const admin = kafka.admin()
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await Promise.all([admin.connect(), producer.connect()])
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true })
    if (messages > 0) await producer.send({ topic, messages: Array.from({ length: messages }, (_, n) => ({ value: String(n), partition: n % 3 })) })
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect()])
  }
  return topic
}

/** How many messages the group has committed, and the topic holds, over all partitions; and how many members the group has. */
export async function look(brokers: readonly string[], groupId: string, topic: string): Promise<{ committed: number; written: number; members: number }> {
  const admin = new Kafka(kafkaConfig(brokers)).admin()
  await admin.connect()
  try {
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
    const ends = await admin.fetchTopicOffsets(topic)
    const { groups } = await admin.describeGroups([groupId])
    return {
      committed: offsets?.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0) ?? 0,
      written: ends.reduce((sum, { offset }) => sum + Number(offset), 0),
      members: groups[0]?.members.length ?? 0,
    }
  } finally {
    await admin.disconnect()
  }
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
