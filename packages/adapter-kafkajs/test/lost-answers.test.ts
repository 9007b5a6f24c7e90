import { Kafka, type Admin, type KafkaConfig } from 'kafkajs'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { drainableKafka } from '../src/index.ts'
import { sharedBroker, type Broker } from './support/broker.ts'
import { createGate } from './support/gate.ts'
import { createTopic, kafkaConfig } from './support/topic.ts'

// Connections that are lost in the middle of an answer.

let broker: Broker
beforeAll(async () => {
  broker = await sharedBroker()
  return () => broker.stop()
})

/** A way to the broker that breaks, once it is asked to, when all of the next answer is through but `missing` bytes. */
async function breakingLink(missing: number): Promise<{ config: KafkaConfig; breakNext: () => void; broken: Promise<void>; crumble: () => void }> {
  const [host, port] = String(broker.brokers[0]).split(':')
  const broken = createGate()
  let isToBreak = false
  let crumbles = false
  const server = createServer((client) => {
    const upstream = connect(Number(port), host)
    client.setNoDelay(true)
    client.pipe(upstream)
    upstream.on('data', (answer) => {
      if (!isToBreak) return piecesOf(answer, crumbles ? 997 : answer.length).forEach((piece) => client.write(piece))
      isToBreak = false
      client.write(answer.subarray(0, answer.length - missing), () => {
        client.resetAndDestroy()
        upstream.destroy()
        broken.open()
      })
    })
    for (const socket of [client, upstream]) socket.on('error', () => {})
    client.on('close', () => upstream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const own = (server.address() as AddressInfo).port
  return {
    config: { ...kafkaConfig(broker.brokers), requestTimeout: 10_000, socketFactory: ({ onConnect }) => connect(own, '127.0.0.1', onConnect) },
    breakNext: () => void (isToBreak = true),
    broken: broken.opened,
    crumble: () => void (crumbles = true),
  }
}

function piecesOf(answer: Buffer, bytes: number): Buffer[] {
  return Array.from({ length: Math.ceil(answer.length / bytes) }, (_, piece) => answer.subarray(piece * bytes, (piece + 1) * bytes))
}

async function connected(kafka: Kafka): Promise<Admin> {
  const admin = kafka.admin()
  onTestFinished(() => admin.disconnect())
  await admin.connect()
  return admin
}

// Without drainableKafka it is an uncaught RangeError, or no answer at all.
test.each([1, 40])('all but %d bytes of an answer came: the next question gets its own answer', async (missing) => {
  const { config, breakNext, broken } = await breakingLink(missing)
  const admin = await connected(drainableKafka(Kafka, config))
  await admin.listTopics()
  breakNext()
  await expect(admin.listTopics()).rejects.toThrow()
  await broken
  expect((await admin.describeCluster()).brokers).toHaveLength(1)
})

test('answers that come in pieces, and many at once, are read as they are', async () => {
  const topic = await createTopic(broker.brokers, 0)
  const { config, crumble } = await breakingLink(0)
  const admin = await connected(drainableKafka(Kafka, config))
  crumble()
  const [topics, ...clusters] = await Promise.all([admin.listTopics(), ...Array.from({ length: 20 }, () => admin.describeCluster())])
  expect(topics).toContain(topic)
  expect(clusters.map(({ brokers }) => brokers.length)).toEqual(Array.from({ length: 20 }, () => 1))
})
