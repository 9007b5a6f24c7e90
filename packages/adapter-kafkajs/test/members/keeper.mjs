// A consumer that keeps the message in its hand until SIGTERM, and a little longer. Tells of every connection that it loses.
import { bindProcess, createLifecycle } from '@lameduck/core'
import { drainableKafka, kafkaConsumer } from '@lameduck/adapter-kafkajs'
import { Kafka, logLevel } from 'kafkajs'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const { HELPER, GROUP, TOPIC, KAFKA_BROKERS } = process.env
const say = (line) => process.stdout.write(`${line}\n`)

const config = {
  clientId: 'keeper',
  brokers: KAFKA_BROKERS.split(','),
  logLevel: logLevel.NOTHING,
  socketFactory({ host, port, onConnect }) {
    return connect({ host, port }, onConnect).on('close', () => say(`lost ${host}:${port}`))
  },
}
const settings = { groupId: GROUP, maxWaitTimeInMs: 1_000 }
const run = {
  // One for the message in hand, one for the fetches that go on.
  partitionsConsumedConcurrently: 2,
  async eachMessage() {
    say('in hand')
    await once(process, 'SIGTERM')
    await sleep(200)
    say('done')
  },
}

if (HELPER === 'lameduck') {
  const lifecycle = createLifecycle()
  lifecycle.add(kafkaConsumer(drainableKafka(Kafka, config).consumer(settings), { topics: [TOPIC], fromBeginning: true, ...run }))
  await bindProcess(lifecycle).ready()
} else {
  const consumer = new Kafka(config).consumer(settings)
  process.once('SIGTERM', () => void consumer.disconnect().then(() => process.exit(0)))
  await consumer.connect()
  await consumer.subscribe({ topics: [TOPIC], fromBeginning: true })
  await consumer.run(run)
  setInterval(() => say('alive'), 100)
}
