import { createLifecycle, type Report } from '@lameduck/core'
import { Kafka, Partitioners, type Producer } from 'kafkajs'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { drainableKafka, kafkaConsumer, kafkaProducer } from '../src/index.ts'
import { controlOf } from '../src/lib/client-control.ts'
import { startCluster, type TestCluster } from './support/cluster.ts'
import { createGate } from './support/gate.ts'
import { watchLateness } from './support/lateness.ts'

// Three brokers that want TLS and a password (SASL): connections that are reused, or opened anew, in the middle of a stop.

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster({ isSecure: true })
  return () => cluster.stop()
})

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const lateness = watchLateness()

interface Service {
  readonly producer: Producer
  readonly topic: string
  readonly groupId: string
  readonly openSockets: () => (number | undefined)[]
  readonly finish: () => void
  readonly stop: () => Promise<Report>
}

/** A consumer with a message in hand, that sends another one for it. Its group is coordinated by a node that leads none of its partitions. */
async function service(timeoutMs: number): Promise<Service> {
  const topic = await cluster.createTopic([1, 2])
  const groupId = await cluster.idOn(3)
  const kafka = drainableKafka(Kafka, cluster.config)
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 500 })
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  const begun = createGate()
  const gate = createGate()
  onTestFinished(gate.open)
  const lifecycle = createLifecycle({ policy: { graceMs: 60_000 } })
  const sink = kafkaProducer(producer, { timeoutMs })
  lifecycle.add(sink)
  lifecycle.add(
    kafkaConsumer(consumer, {
      topics: [topic],
      fromBeginning: true,
      timeoutMs,
      async eachMessage({ partition }) {
        if (partition === 1) return
        begun.open()
        await gate.opened
        await producer.send({ topic, messages: [{ partition: 1, value: 'handled' }] })
      },
    }),
  )
  await lifecycle.start()
  await producer.send({ topic, messages: [{ partition: 0, value: 'in hand' }] })
  await begun.opened
  return { producer, topic, groupId, openSockets: () => [consumer, producer].map((client) => controlOf(client)?.openSockets()), finish: gate.open, stop: () => lifecycle.stop(sigterm) }
}

function outcomes({ steps }: Report): string[] {
  return steps.map(({ name, outcome }) => `${name} ${outcome}`)
}

/** The offsets that are committed, and the members. */
async function expectGroup({ groupId, topic }: Service, committed: readonly number[]): Promise<void> {
  await expect.poll(() => cluster.look(groupId, topic), { timeout: 10_000 }).toEqual({ committed, members: 0 })
}

test('a plain client without the password is not let in', async () => {
  const { sasl: _, ...config } = cluster.config
  const admin = new Kafka({ ...config, retry: { retries: 0 } }).admin()
  await admin.connect()
  await expect(admin.listTopics()).rejects.toThrow()
  await admin.disconnect()
})

test('a consumer that is cut leaves its group', async () => {
  const subject = await service(300)
  const report = await subject.stop()
  expect(outcomes(report)).toEqual(['kafka-consumer forced', 'kafka-producer idle'])
  expect(report.tookMs).toBeLessThan(300 + 1_000 + lateness())
  await expectGroup(subject, [0, 0])
  expect(subject.openSockets()).toEqual([0, 0])
})

test('a consumer whose coordinator moves drains over a connection to the next one, and its producer after it', async () => {
  const subject = await service(20_000)
  expect(await cluster.look(subject.groupId, subject.topic)).toMatchObject({ members: 1 })
  const stopped = subject.stop()
  await cluster.moveCoordinator(subject.groupId)
  subject.finish()
  expect((await stopped).result).toBe('clean')
  await expectGroup(subject, [1, 0])
  expect((await cluster.admin.fetchTopicOffsets(subject.topic)).map(({ high }) => high)).toEqual(['1', '1'])
  expect(subject.openSockets()).toEqual([0, 0])
})

test('all its brokers are frozen at the signal: both are cut within a second of their deadlines, and nothing is left', async () => {
  const subject = await service(300)
  const stopped = subject.stop()
  await Promise.all(cluster.nodes.map((node) => node.freeze()))
  const send = subject.producer.send({ topic: subject.topic, messages: [{ partition: 1, value: 'late' }] }).then(() => 'sent', () => 'rejected')
  const report = await stopped
  expect(outcomes(report)).toEqual(['kafka-consumer forced', 'kafka-producer forced'])
  expect(report.tookMs).toBeLessThan(2 * (300 + 1_000 + lateness()))
  expect(await send).toBe('rejected')
  expect(subject.openSockets()).toEqual([0, 0])
  await Promise.all(cluster.nodes.map((node) => node.thaw()))
})
