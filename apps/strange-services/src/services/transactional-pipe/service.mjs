// Exactly once: what is read, what is sent, and how far it has read are one transaction.
import { drainableKafka, kafkaConsumer, kafkaProducer } from '@lameduck/adapter-kafkajs'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Kafka } from 'kafkajs'

const { KAFKA_BROKERS, ID, GRACE_MS } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const kafka = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 })
const consumer = kafka.consumer({ groupId: ID })
const producer = kafka.producer({ transactionalId: ID, idempotent: true, maxInFlightRequests: 1, transactionTimeout: 8_000 })

async function eachMessage({ topic, partition, message }) {
  console.log('began', String(message.value))
  const transaction = await producer.transaction()
  try {
    await transaction.send({ topic: `${ID}-out`, messages: [{ value: message.value }] })
    await new Promise((resolve) => setTimeout(resolve, 20))
    await transaction.sendOffsets({ consumerGroupId: ID, topics: [{ topic, partitions: [{ partition, offset: String(BigInt(message.offset) + 1n) }] }] })
    await transaction.commit()
  } catch (error) {
    await transaction.abort()
    throw error
  }
}

const out = lifecycle.add(kafkaProducer(producer))
lifecycle.add(kafkaConsumer(consumer, { topics: [ID], fromBeginning: true, autoCommit: false, eachMessage }), { needs: [out] })
await bindProcess(lifecycle).ready()
console.log('ready')
