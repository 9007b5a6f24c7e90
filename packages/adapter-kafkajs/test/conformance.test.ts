import { resourceSuite, type Harness, type Subject, type TcpLink, type Work } from '@lameduck/conformance'
import type { Resource } from '@lameduck/core'
import { Kafka, Partitioners, type Admin, type Consumer, type Producer } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { kafkaAdmin, kafkaConsumer, kafkaProducer } from '../src/index.ts'
import { startBroker, type Broker } from './support/broker.ts'
import { createGate, type Gate } from './support/gate.ts'
import { throughLink } from './support/through-link.ts'
import { committedBy, createTopic, kafkaConfig } from './support/topic.ts'

let broker: Broker
let writer: Producer
let shared: string
beforeAll(async () => {
  broker = await startBroker()
  shared = await createTopic(broker.brokers, 0)
  writer = new Kafka(kafkaConfig(broker.brokers)).producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await writer.connect()
})
afterAll(async () => {
  await writer.disconnect()
  await broker.stop()
})

interface Linked extends Subject {
  readonly link: TcpLink
  /** Closes the connections that it has. */
  readonly drop: () => number
}

/** What is asked of it in vain gives up soon. */
const impatient = { retries: 1, initialRetryTime: 50 }

const overLink = {
  freeze: ({ link }: Linked) => link.freeze(),
  thaw: ({ link }: Linked) => link.thaw(),
  kill: ({ link }: Linked) => link.kill(),
  drop: (subject: Linked) => subject.drop(),
  connections: ({ link }: Linked) => link.connections(),
  async dispose({ link, resource }: Linked): Promise<void> {
    await resource.force?.({ reason: { kind: 'programmatic' }, boundMs: 100 })
    await link.close()
  },
}

/** One call that gets no answer until it may. One at once: what holds one up holds all of them up. */
function heldUp({ link }: Linked, call: () => Promise<unknown>): Work {
  link.freeze()
  const outcome = call().then(() => 'finished' as const, (error: Error) => error)
  return { outcome, finish: () => link.thaw() }
}

interface ConsumerSubject extends Linked {
  readonly consumer: Consumer
  readonly groupId: string
  readonly topic: string
  /** By the text of the message: opened when its handler begins, and what its handler waits for. */
  readonly begun: Map<string, Gate>
  readonly gates: Map<string, Gate>
  readonly nextPartition: () => number
  /** Whether its stop has begun. */
  readonly isEnding: () => boolean
}

async function createConsumer(autoCommit: boolean): Promise<ConsumerSubject> {
  // Its own, read from the beginning: a group without an offset would only see what is written some time after the join.
  const topic = await createTopic(broker.brokers, 0)
  const { link, kafka, drop } = await throughLink(broker, { retry: impatient })
  const groupId = randomUUID()
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, retry: impatient })
  const begun = new Map<string, Gate>()
  const gates = new Map<string, Gate>()
  let partitions = 0
  const resource = kafkaConsumer(consumer, {
    topics: [topic],
    fromBeginning: true,
    autoCommit,
    partitionsConsumedConcurrently: 3,
    async eachMessage({ message }) {
      const text = String(message.value)
      if (text === poison) throw new TypeError('poison')
      begun.get(text)?.open()
      await gates.get(text)?.opened
    },
  })
  return { consumer, groupId, topic, link, drop, resource, begun, gates, nextPartition: () => partitions++ % 3, isEnding: tellOfEnd(resource) }
}

function tellOfEnd(resource: Resource): () => boolean {
  let isEnding = false
  for (const name of ['quiesce', 'drain', 'force'] as const) {
    const call = resource[name] as (context: never) => unknown
    Object.assign(resource, {
      [name](context: never) {
        isEnding = true
        return call(context)
      },
    })
  }
  return () => isEnding
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

/** Its handler throws what kafkajs does not try again. */
const poison = 'poison'

const consumerHarness: Harness<ConsumerSubject> = {
  ...overLink,
  members: ['start', 'check', 'watch', 'quiesce', 'inFlight', 'waitingFor', 'tally', 'force'],
  // kafkajs fetches nothing more from a broker while a handler runs, so that a second one cannot be begun at will.
  atOnce: 1,
  afterQuiesce: 'refuses',
  create: () => createConsumer(true),
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
    // What nobody takes any longer has no event; before that, a busy machine may take its time.
    const longestMs = subject.isEnding() ? 700 : 3_500
    return Promise.race([begun.opened.then(() => true), new Promise<false>((resolve) => setTimeout(() => resolve(false), longestMs))])
  },
  async end(subject) {
    const { consumer } = subject
    const crashed = new Promise((resolve) => consumer.on(consumer.events.CRASH, resolve))
    await write(subject, poison)
    await crashed
  },
}

/** What a handler has done cannot be committed. That a handler throws is no failure: its message comes again. */
async function failToCommit({ link, gates }: ConsumerSubject): Promise<void> {
  await link.kill()
  for (const gate of gates.values()) gate.open()
}

describe('kafkaConsumer', () => {
  resourceSuite({ test, harness: { ...consumerHarness, fail: failToCommit }, notApplicable })
})

describe('kafkaConsumer whose messages are committed by hand', () => {
  const taken = 3
  let acknowledged = 0
  resourceSuite<ConsumerSubject>({
    test,
    harness: {
      ...consumerHarness,
      create: () => createConsumer(false),
      async open(subject) {
        acknowledged = 0
        for (let message = 0; message < taken; message++) {
          const begun = await write({ ...subject, nextPartition: () => 0 }, randomUUID())
          await begun.opened
        }
      },
      acknowledge({ consumer, groupId, topic }) {
        const offset = ++acknowledged
        return {
          answer: consumer.commitOffsets([{ topic, partition: 0, offset: String(offset) }]),
          arrived: async () => (await committedBy(broker.brokers, groupId, topic))[0] === offset,
        }
      },
    },
    notApplicable,
  })
})

interface ProducerSubject extends Linked {
  readonly producer: Producer
}

describe('kafkaProducer', () => {
  resourceSuite<ProducerSubject>({
    test,
    harness: {
      ...overLink,
      members: ['start', 'quiesce', 'inFlight', 'waitingFor', 'tally', 'force'],
      callers: 'here',
      atOnce: 1,
      afterQuiesce: 'serves',
      async create() {
        const { link, kafka, drop } = await throughLink(broker, { retry: impatient })
        const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, retry: impatient })
        return { link, drop, producer, resource: kafkaProducer(producer) }
      },
      busy: (subject) => heldUp(subject, () => subject.producer.send({ topic: shared, messages: [{ value: '1' }] })),
      offer: ({ producer }) => producer.send({ topic: shared, messages: [{ value: '1' }] }).then(() => true, (error: Error) => error),
      fail: ({ link }) => link.kill(),
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
      members: ['start', 'quiesce', 'inFlight', 'waitingFor', 'tally', 'force'],
      callers: 'here',
      atOnce: 1,
      afterQuiesce: 'serves',
      async create() {
        const { link, kafka, drop } = await throughLink(broker, { retry: impatient })
        const admin = kafka.admin({ retry: impatient })
        return { link, drop, admin, resource: kafkaAdmin(admin) }
      },
      busy: (subject) => heldUp(subject, () => subject.admin.fetchTopicOffsets(shared)),
      offer: ({ admin }) => admin.fetchTopicOffsets(shared).then(() => true, (error: Error) => error),
      fail: ({ link }) => link.kill(),
    },
  })
})
