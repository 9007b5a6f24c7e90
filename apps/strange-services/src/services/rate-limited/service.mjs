// The way of kafkajs' manual to obey a 429: pause the partition, resume it by a timer, throw.
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { bindProcess, createLifecycle } from '@lameduck/core'
import { Kafka } from 'kafkajs'

const { KAFKA_BROKERS, ID, GRACE_MS, PARTNER } = process.env
const lifecycle = createLifecycle({ policy: { graceMs: Number(GRACE_MS) } })
const consumer = drainableKafka(Kafka, { brokers: [KAFKA_BROKERS], logLevel: 0 }).consumer({ groupId: ID })

async function eachMessage({ message, pause }) {
  const answer = await fetch(PARTNER, { method: 'POST', body: String(message.value) })
  if (answer.ok) return
  const resume = pause()
  setTimeout(() => resume(), 3_000)
  setImmediate(() => console.log('paused'))
  throw new Error(`the partner says ${answer.status}`)
}

lifecycle.add(kafkaConsumer(consumer, { topics: [ID], fromBeginning: true, eachMessage }))
await bindProcess(lifecycle).ready()
console.log('ready')
