// Batches through an async generator that ends when the service stops; every message is resolved when it is done.
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { redis } from '@lameduck/adapter-ioredis'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Redis } from 'ioredis'
import { Kafka } from 'kafkajs'

const { REDIS_URL, KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const client = new Redis(REDIS_URL)
const consumer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).consumer({ groupId: ID })

async function* whileServing(messages) {
  for (const message of messages) {
    if (lifecycle.state.name !== 'ready') return
    yield message
  }
}

async function eachBatch({ batch: { messages }, resolveOffset }) {
  for await (const { value, offset } of whileServing(messages)) {
    const text = value.toString()
    console.log('began', text)
    await new Promise((resolve) => setTimeout(resolve, 25))
    await client.rpush(`${ID}:done`, text)
    resolveOffset(offset)
  }
}

const commands = lifecycle.add(redis(client))
lifecycle.add(kafkaConsumer(consumer, { topics: [ID], fromBeginning: true, eachBatch }), { needs: [commands] })
await bindProcess(lifecycle).ready()
console.log('ready')
