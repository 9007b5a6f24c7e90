// A consumer that meets poison and gives up for good, in a service that shall end with it.
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Kafka } from 'kafkajs'

const { KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const kafka = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 })
const consumer = kafka.consumer({ groupId: ID, retry: { initialRetryTime: 20, retries: 1, restartOnFailure: async () => false } })

function eachMessage({ message }) {
  if (String(message.value) === 'm2') throw new TypeError('poison')
  console.log('handled', String(message.value))
  return Promise.resolve()
}

lifecycle.add(kafkaConsumer(consumer, { topics: [ID], fromBeginning: true, eachMessage }), { whenEnded: 'stop' })
// What else the service does keeps it alive.
setInterval(() => {}, 60_000)
await bindProcess(lifecycle).ready()
console.log('ready')
