import { resourceSuite, type Harness, type Subject, type TcpLink, type Work } from '@lameduck/conformance'
import { Kafka, Partitioners, type Admin, type Producer } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { kafkaAdmin, kafkaConsumer, kafkaProducer } from '../src/index.ts'
import { startBroker, type Broker } from './support/broker.ts'
import { createGate, type Gate } from './support/gate.ts'
import { throughLink } from './support/through-link.ts'
import { createTopic, kafkaConfig } from './support/topic.ts'

let broker: Broker
let writer: Producer
let shared: string
beforeAll(async () => {
  broker = await startBroker()
  shared = await createTopic(broker.brokers, 0)
  writer = new Kafka(kafkaConfig(broker.brokers)).producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await writer.connect()
  // The first join of a broker waits for its coordinator to load.
  const warm = new Kafka(kafkaConfig(broker.brokers)).consumer({ groupId: randomUUID(), maxWaitTimeInMs: 10 })
  await warm.connect()
  await warm.subscribe({ topics: [shared] })
  await warm.run({ eachMessage: async () => {} })
  await warm.disconnect()
})
afterAll(async () => {
  await writer.disconnect()
  await broker.stop()
})

interface Linked extends Subject {
  readonly link: TcpLink
}

const overLink = {
  freeze: ({ link }: Linked) => link.freeze(),
  thaw: ({ link }: Linked) => link.thaw(),
  kill: ({ link }: Linked) => link.kill(),
  connections: ({ link }: Linked) => link.connections(),
  async dispose({ link, resource }: Linked): Promise<void> {
    await resource.force?.({ reason: { kind: 'programmatic' }, boundMs: 100 })
    await link.close()
  },
}

/** One call that gets no answer until it may. One at once: what holds one up holds all of them up. */
function heldUp({ link }: Linked, call: () => Promise<unknown>): Work {
  link.freeze()
  const outcome = call().then(() => 'finished' as const, () => 'failed' as const)
  return { outcome, finish: () => link.thaw() }
}

interface ConsumerSubject extends Linked {
  readonly topic: string
  /** By the text of the message: opened when its handler begins, and what its handler waits for. */
  readonly begun: Map<string, Gate>
  readonly gates: Map<string, Gate>
  readonly nextPartition: () => number
}

async function createConsumer(): Promise<ConsumerSubject> {
  // Its own, read from the beginning: a group without an offset would only see what is written some time after the join.
  const topic = await createTopic(broker.brokers, 0)
  const { link, kafka } = await throughLink(broker)
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 })
  const begun = new Map<string, Gate>()
  const gates = new Map<string, Gate>()
  let partitions = 0
  const resource = kafkaConsumer(consumer, {
    topics: [topic],
    fromBeginning: true,
    partitionsConsumedConcurrently: 3,
    async eachMessage({ message }) {
      const text = String(message.value)
      begun.get(text)?.open()
      await gates.get(text)?.opened
    },
  })
  return { topic, link, resource, begun, gates, nextPartition: () => partitions++ % 3 }
}

async function write({ topic, begun, nextPartition }: ConsumerSubject, text: string): Promise<Gate> {
  const gate = createGate()
  begun.set(text, gate)
  await writer.send({ topic, messages: [{ value: text, partition: nextPartition() }] })
  return gate
}

const checkAsksNobody = 'its check asks nobody, and learns of a broker that does not answer from the heartbeats'

const notApplicable: Readonly<Record<string, string>> = {
  'check rejects when the peer is dead': checkAsksNobody,
  'nothing is left of a check that was cut off: no timer, no socket': checkAsksNobody,
  'check rejects soon after its signal aborts, though the peer is frozen': checkAsksNobody,
}

const consumerHarness: Harness<ConsumerSubject> = {
  ...overLink,
  members: ['start', 'check', 'quiesce', 'inFlight', 'waitingFor', 'force'],
  // kafkajs fetches nothing more from a broker while a handler runs, so that a second one cannot be begun at will.
  atOnce: 1,
  afterQuiesce: 'refuses',
  create: createConsumer,
  async busy(subject): Promise<Work> {
    const text = randomUUID()
    const gate = createGate()
    subject.gates.set(text, gate)
    const begun = await write(subject, text)
    await begun.opened
    // The caller of a handler is the broker: it sees the member gone, and delivers the message again.
    const left = subject.link.unused().then(() => 'failed' as const)
    return { outcome: Promise.race([gate.opened.then(() => 'finished' as const), left]), finish: gate.open }
  },
  async offer(subject) {
    const begun = await write(subject, randomUUID())
    return Promise.race([begun.opened.then(() => true), new Promise<false>((resolve) => setTimeout(() => resolve(false), 700))])
  },
}

describe('kafkaConsumer', () => {
  resourceSuite({ test, harness: consumerHarness, notApplicable })
})

interface ProducerSubject extends Linked {
  readonly producer: Producer
}

describe('kafkaProducer', () => {
  resourceSuite<ProducerSubject>({
    test,
    harness: {
      ...overLink,
      members: ['start', 'inFlight', 'waitingFor', 'force'],
      atOnce: 1,
      afterQuiesce: 'serves',
      async create() {
        const { link, kafka } = await throughLink(broker)
        const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
        return { link, producer, resource: kafkaProducer(producer) }
      },
      busy: (subject) => heldUp(subject, () => subject.producer.send({ topic: shared, messages: [{ value: '1' }] })),
      offer: ({ producer }) => producer.send({ topic: shared, messages: [{ value: '1' }] }).then(() => true, () => false),
    },
  })
})

interface AdminSubject extends Linked {
  readonly admin: Admin
}

describe('kafkaAdmin', () => {
  resourceSuite<AdminSubject>({
    test,
    harness: {
      ...overLink,
      members: ['start', 'inFlight', 'waitingFor', 'force'],
      atOnce: 1,
      afterQuiesce: 'serves',
      async create() {
        const { link, kafka } = await throughLink(broker)
        const admin = kafka.admin()
        return { link, admin, resource: kafkaAdmin(admin) }
      },
      busy: (subject) => heldUp(subject, () => subject.admin.fetchTopicOffsets(shared)),
      offer: ({ admin }) => admin.fetchTopicOffsets(shared).then(() => true, () => false),
    },
  })
})
