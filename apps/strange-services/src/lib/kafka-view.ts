import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel, Partitioners, type Admin, type Consumer, type EachBatchPayload, type Producer } from 'kafkajs'

/** Kafka as somebody outside of the services sees it. */
export interface KafkaView {
  /** A new topic, with messages that are laid into its partitions turn by turn. */
  topic(name: string, options?: { readonly partitions?: number; readonly messages?: readonly string[] }): Promise<void>
  send(topic: string, messages: readonly string[]): Promise<void>
  /** What the group has not committed, of what lies in the topic now. */
  left(group: string, topic: string): Promise<string[]>
  /** For a broker that may have been frozen or started again: resolves when it takes messages and coordinates groups. */
  reconnect(): Promise<void>
  /** Resolves when so many messages lie in the topic, or when nothing has come for a second. */
  settled(topic: string, messages: number): Promise<void>
  /** Everything that readers of committed messages find in the topic. It is read once: what ends the reading is written to it. */
  read(topic: string): Promise<string[]>
  close(): Promise<void>
}

const restartLimitMs = 30_000
const last = '(the reader has seen enough)'

export async function viewKafka(brokers: string): Promise<KafkaView> {
  const kafka = new Kafka({ clientId: 'outside', brokers: brokers.split(','), logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 10 } })
  const admin = kafka.admin()
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await Promise.all([admin.connect(), producer.connect()])
  return {
    async topic(name, { partitions = 1, messages = [] } = {}) {
      await admin.createTopics({ topics: [{ topic: name, numPartitions: partitions }], waitForLeaders: false })
      // kafkajs' own waiting for leaders gives up while the broker does not know the topic yet.
      while (!(await hasLeaders(admin, name))) await delay(10)
      if (messages.length > 0) await producer.send({ topic: name, messages: messages.map((value, n) => ({ value, partition: n % partitions })) })
    },
    async send(topic, messages) {
      await producer.send({ topic, messages: messages.map((value) => ({ value })) })
    },
    async left(group, topic) {
      const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      const committed = new Map(offsets?.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
      const all = await readAll(kafka, producer, admin, topic)
      return all.filter(({ partition, offset }) => offset >= (committed.get(partition) ?? 0)).map(({ value }) => value)
    },
    async reconnect() {
      for (const until = performance.now() + restartLimitMs; ; await delay(100)) {
        await Promise.allSettled([admin.disconnect(), producer.disconnect()])
        try {
          await Promise.all([admin.connect(), producer.connect()])
          await admin.fetchOffsets({ groupId: 'nobody' })
          return
        } catch (error) {
          if (performance.now() > until) throw error
        }
      }
    },
    async settled(topic, messages) {
      let before = 0
      for (let quietSince = performance.now(); performance.now() - quietSince < 1_000; ) {
        const count = (await offsetsOf(admin, topic)).reduce((sum, { high }) => sum + Number(high), 0)
        if (count >= messages) return
        if (count > before) quietSince = performance.now()
        before = count
        await delay(20)
      }
    },
    async read(topic) {
      return (await readAll(kafka, producer, admin, topic)).map(({ value }) => value)
    },
    async close() {
      await Promise.all([admin.disconnect(), producer.disconnect()])
    },
  }
}

interface Found {
  readonly partition: number
  readonly offset: number
  readonly value: string
}

/** Markers of transactions take offsets too, so that the last offset is no message's: what is written last is. */
async function readAll(kafka: Kafka, producer: Producer, admin: Admin, topic: string): Promise<Found[]> {
  const ends = await offsetsOf(admin, topic)
  await producer.send({ topic, messages: ends.map(({ partition }) => ({ value: last, partition })) })
  const left = new Set(ends.map(({ partition }) => partition))
  const found = new Map<string, Found>()
  const consumer = kafka.consumer({ groupId: `outside-${randomUUID()}`, maxWaitTimeInMs: 50 })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await untilRead(consumer, (partition, offset, value) => {
      if (value === last) left.delete(partition)
      else found.set(`${partition}/${offset}`, { partition, offset, value })
      return left.size === 0
    })
  } finally {
    await consumer.disconnect()
  }
  return [...found.values()].toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
}

function untilRead(consumer: Consumer, keep: (partition: number, offset: number, value: string) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    // One that kafkajs takes for passing, such as a broker that still loads its groups, it mends by itself.
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => restart || reject(error))
    const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
      for (const { offset, value } of batch.messages) if (keep(batch.partition, Number(offset), String(value))) resolve()
    }
    consumer.run({ autoCommit: false, eachBatch }).catch(reject)
  })
}

/** An admin client that several scenarios use at once sometimes finds nothing of a topic, and throws a TypeError. */
async function offsetsOf(admin: Admin, topic: string): ReturnType<Admin['fetchTopicOffsets']> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await admin.fetchTopicOffsets(topic)
    } catch (error) {
      if (!(error instanceof TypeError) || attempt === 10) throw error
      await delay(50)
    }
  }
}

async function hasLeaders(admin: Admin, topic: string): Promise<boolean> {
  const found = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => undefined)
  return found !== undefined && found.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))
}
