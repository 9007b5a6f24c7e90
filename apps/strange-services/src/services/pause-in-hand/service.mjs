// Backpressure by the consumer's own pause: after the tenth message it holds the topic, finishes, and resumes from a timer.
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Redis } from 'ioredis'
import { Kafka } from 'kafkajs'

const { REDIS_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const client = new Redis(REDIS_URL)
const consumer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).consumer({ groupId: ID, maxWaitTimeInMs: 200 })

let taken = 0
async function eachMessage({ topic, message }) {
  taken += 1
  if (taken % 5 === 0) {
    consumer.pause([{ topic }])
    console.log('paused')
    setTimeout(() => consumer.resume([{ topic }]), 100)
  }
  await new Promise((resolve) => setTimeout(resolve, 40))
  await client.rpush(`${ID}:done`, String(message.value))
}

const commands = lifecycle.add(redis(client))
lifecycle.add(kafkaConsumer(consumer, { topics: [ID], fromBeginning: true, eachMessage }), { needs: [commands] })
await bindProcess(lifecycle).ready()
console.log('ready')
