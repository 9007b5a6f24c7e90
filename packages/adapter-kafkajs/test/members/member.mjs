// One member of a consumer group in a process of its own, which leaves when it gets SIGTERM: with lameduck, or as people write it.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { Kafka, logLevel } from 'kafkajs'
import { modes } from './modes.mjs'

const { HELPER, MODE, GROUP, TOPIC, KAFKA_BROKERS } = process.env

const config = { clientId: 'proof', brokers: KAFKA_BROKERS.split(','), logLevel: logLevel.NOTHING }
const settings = { groupId: GROUP, maxWaitTimeInMs: 100, heartbeatInterval: 300, sessionTimeout: 10_000 }

if (HELPER === 'lameduck') {
  const consumer = drainableKafka(Kafka, config).consumer(settings)
  const lifecycle = createLifecycle()
  lifecycle.add(kafkaConsumer(consumer, { topics: [TOPIC], fromBeginning: true, ...modes[MODE](consumer) }))
  await bindProcess(lifecycle).ready()
} else {
  const consumer = new Kafka(config).consumer(settings)
  process.once('SIGTERM', () => void consumer.disconnect().then(() => process.exit(0)))
  await consumer.connect()
  await consumer.subscribe({ topics: [TOPIC], fromBeginning: true })
  await consumer.run(modes[MODE](consumer))
}
