// A shop that is closed: every message fails, and kafkajs waits longer and longer between two tries.
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Kafka } from 'kafkajs'

const { KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const kafka = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 })
const consumer = kafka.consumer({ groupId: ID, retry: { initialRetryTime: 12_000, retries: 10 } })

lifecycle.add(
  kafkaConsumer(consumer, {
    topics: [ID],
    fromBeginning: true,
    eachMessage: async ({ message }) => {
      if (String(message.value) !== 'm1') {
        console.log('handled', String(message.value))
        return
      }
      setImmediate(() => console.log('sleeps'))
      throw new Error('the shop is closed')
    },
  }),
)
await bindProcess(lifecycle).ready()
console.log('ready')
