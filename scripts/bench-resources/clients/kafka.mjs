import { drainableKafka, kafkaConsumer, kafkaProducer } from '@lameduck/adapter-kafkajs'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

export const programs = ['lameduck']
export const operations = { send: 200, handle: 400 }
/** Long enough for every slice of every `handle`. */
export const messages = 40_000

const config = (brokers) => ({ clientId: 'bench', brokers: brokers.split(','), logLevel: logLevel.NOTHING })

/** A topic of one partition with so many messages. */
export async function createTopic(brokers, count = messages) {
  const topic = `bench-${randomUUID()}`
  const kafka = new Kafka(config(brokers))
  const admin = kafka.admin()
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await Promise.all([admin.connect(), producer.connect()])
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  for (let sent = 0; sent < count; sent += 2_000) {
    await producer.send({ topic, messages: Array.from({ length: Math.min(2_000, count - sent) }, () => ({ value: 'x'.repeat(100) })) })
  }
  await Promise.all([admin.disconnect(), producer.disconnect()])
  return topic
}

/**
 * A producer, and a consumer that is a member of its group; the consumer is the one that leaves. Its handler takes `handleMs`, or, without
 * it, waits until the work `handle` asks for the next message.
 */
export async function open(program, brokers, { topic, handleMs }) {
  const kafka = program === 'bare' ? new Kafka(config(brokers)) : drainableKafka(Kafka, config(brokers))
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  // The same for both: ours would be 1000 where kafkajs has 5000, and what is compared is not the setting.
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 250, sessionTimeout: 120_000 })
  const turnstile = createTurnstile()
  const begun = createTurnstile()
  const eachMessage = handleMs === undefined ? turnstile.pass : () => Promise.all([begun.pass(), sleep(handleMs)])
  const resource = program === 'bare' ? undefined : kafkaConsumer(consumer, { topics: [topic], fromBeginning: true, eachMessage })
  const { signal } = new AbortController()
  if (resource) {
    await kafkaProducer(producer).start({ signal })
    await resource.start({ signal })
  } else {
    await Promise.all([producer.connect(), consumer.connect()])
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
    await Promise.all([consumer.run({ eachMessage }), joined])
  }
  const send = () => producer.send({ topic, messages: [{ value: 'x'.repeat(100) }] })
  return {
    resource,
    work: { send, handle: turnstile.next },
    close: () => consumer.disconnect(),
    /** One message in hand. */
    async busy() {
      await send()
      await begun.next()
      return [sleep(handleMs)]
    },
  }
}

/** Those who pass wait for somebody who asks for the next one, and the other way round. */
function createTurnstile() {
  const [passing, asking] = [[], []]
  const wait = (queue) =>
    new Promise((resolve) => {
      queue.push(resolve)
      if (passing.length === 0 || asking.length === 0) return
      passing.shift()()
      asking.shift()()
    })
  return { pass: () => wait(passing), next: () => wait(asking) }
}
