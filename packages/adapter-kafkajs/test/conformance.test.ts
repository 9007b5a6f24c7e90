import { resourceSuite, type Harness, type Subject, type TestRunner, type Work } from '@lameduck/conformance'
import { Kafka, Partitioners, type Producer } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { drainableKafka, kafkaAdmin, kafkaConsumer, kafkaProducer } from '../src/index.ts'
import { startBroker, type Broker } from './support/broker.ts'
import { createGate, type Gate } from './support/gate.ts'
import { startProxy, type Proxy } from './support/proxy.ts'
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

/** A client of its own behind a proxy of its own. */
async function throughProxy(): Promise<{ proxy: Proxy; kafka: Kafka }> {
  const proxy = await startProxy(String(broker.brokers[0]))
  const kafka = drainableKafka(Kafka, { ...kafkaConfig(broker.brokers), socketFactory: ({ onConnect }) => proxy.connect(onConnect) })
  return { proxy, kafka }
}

interface Proxied extends Subject {
  readonly proxy: Proxy
}

const overProxy = {
  freeze: ({ proxy }: Proxied) => proxy.freeze(),
  thaw: ({ proxy }: Proxied) => proxy.thaw(),
  kill: ({ proxy }: Proxied) => proxy.kill(),
  connections: ({ proxy }: Proxied) => proxy.connections(),
  dispose,
}

async function dispose({ proxy, resource }: Proxied): Promise<void> {
  await resource.force?.({ reason: { kind: 'programmatic' }, boundMs: 100 })
  await proxy.kill()
}

interface ConsumerSubject extends Proxied {
  readonly topic: string
  /** By the text of the message: opened when its handler begins, and what its handler waits for. */
  readonly begun: Map<string, Gate>
  readonly gates: Map<string, Gate>
  readonly nextPartition: () => number
}

async function createConsumer(): Promise<ConsumerSubject> {
  // Its own, read from the beginning: a group without an offset would only see what is written some time after the join.
  const topic = await createTopic(broker.brokers, 0)
  const { proxy, kafka } = await throughProxy()
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
  return { topic, proxy, resource, begun, gates, nextPartition: () => partitions++ % 3 }
}

async function write({ topic, begun, nextPartition }: ConsumerSubject, text: string): Promise<Gate> {
  const gate = createGate()
  begun.set(text, gate)
  await writer.send({ topic, messages: [{ value: text, partition: nextPartition() }] })
  return gate
}

const oneAtATime = 'kafkajs fetches nothing more from a broker while a handler runs, so that a second one cannot be begun at will'
const checkAsksNobody = 'its check asks nobody, and learns of a broker that does not answer from the heartbeats'

const notApplicable: Readonly<Record<string, string>> = {
  'inFlight is truthful': oneAtATime,
  'force settles within its bound: busy, and no caller is left waiting': oneAtATime,
  'check rejects when the peer is dead': checkAsksNobody,
  'check rejects soon after its signal aborts, though the peer is frozen': checkAsksNobody,
}

/** Shows what cannot be asked of a consumer as not applicable, and why. */
const consumerTest: TestRunner = Object.assign(
  (name: string, body: () => Promise<void>) => {
    const why = notApplicable[name]
    return why === undefined ? test(name, body) : test.skip(`${name} (not applicable: ${why})`, body)
  },
  { skip: (name: string, body: () => Promise<void>) => test.skip(name, body) },
)

const consumerHarness: Harness<ConsumerSubject> = {
  ...overProxy,
  members: ['start', 'check', 'quiesce', 'inFlight', 'force'],
  afterQuiesce: 'refuses',
  create: createConsumer,
  async busy(subject): Promise<Work> {
    const text = randomUUID()
    const gate = createGate()
    subject.gates.set(text, gate)
    const begun = await write(subject, text)
    await begun.opened
    // The caller of a handler is the broker: it sees the member gone, and delivers the message again.
    const left = new Promise<'failed'>((resolve) => subject.proxy.whenLeft(() => resolve('failed')))
    return { outcome: Promise.race([gate.opened.then(() => 'finished' as const), left]), finish: gate.open }
  },
  async offer(subject) {
    const begun = await write(subject, randomUUID())
    return Promise.race([begun.opened.then(() => true), new Promise<false>((resolve) => setTimeout(() => resolve(false), 700))])
  },
}

describe('kafkaConsumer', () => {
  resourceSuite({ test: consumerTest, harness: consumerHarness })
})

interface ProducerSubject extends Proxied {
  readonly producer: Producer
}

describe('kafkaProducer', () => {
  resourceSuite<ProducerSubject>({
    test,
    harness: {
      ...overProxy,
      members: ['start', 'inFlight', 'force'],
      afterQuiesce: 'serves',
      async create() {
        const { proxy, kafka } = await throughProxy()
        const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
        return { proxy, producer, resource: kafkaProducer(producer) }
      },
      offer: ({ producer }) => producer.send({ topic: shared, messages: [{ value: '1' }] }).then(() => true, () => false),
    },
  })
})

describe('kafkaAdmin', () => {
  resourceSuite<Proxied>({
    test,
    harness: {
      ...overProxy,
      members: ['start', 'force'],
      async create() {
        const { proxy, kafka } = await throughProxy()
        return { proxy, resource: kafkaAdmin(kafka.admin()) }
      },
    },
  })
})
