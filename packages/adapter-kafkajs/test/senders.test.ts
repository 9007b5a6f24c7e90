import { createLifecycle, type Lifecycle, type Resource } from '@lameduck/core'
import { Kafka, Partitioners, type Admin, type Producer } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { drainableKafka, kafkaAdmin, kafkaProducer } from '../src/index.ts'
import { controlOf } from '../src/lib/client-control.ts'
import { startBroker, type Broker } from './support/broker.ts'
import { createTopic, kafkaConfig, look } from './support/topic.ts'

let broker: Broker
beforeAll(async () => {
  broker = await startBroker()
  return () => broker.stop()
})

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const roomy = { graceMs: 30_000, phases: { producers: { reserveMs: 10_000 } } }

function drainable(): Kafka {
  return drainableKafka(Kafka, kafkaConfig(broker.brokers))
}

describe('a producer', () => {
  async function started(): Promise<{ lifecycle: Lifecycle; producer: Producer; topic: string }> {
    const topic = await createTopic(broker.brokers, 0)
    const producer = drainable().producer({ createPartitioner: Partitioners.DefaultPartitioner })
    const lifecycle = createLifecycle({ policy: roomy })
    lifecycle.add(kafkaProducer(producer))
    await lifecycle.start()
    return { lifecycle, producer, topic }
  }

  test('answers 200 sends of the tick of the stop, then leaves no socket, and takes no more', async () => {
    const { lifecycle, producer, topic } = await started()
    const sends = Array.from({ length: 200 }, (_, n) => producer.send({ topic, messages: [{ value: String(n) }] }))
    const report = await lifecycle.stop(sigterm)
    const step = report.steps.find(({ name }) => name === 'kafka-producer')
    expect(step).toMatchObject({ outcome: 'drained', inFlight: { atStop: 200 } })
    await Promise.all(sends)
    await expect.poll(() => controlOf(producer)?.openSockets()).toBe(0)
    await expect(producer.send({ topic, messages: [{ value: 'late' }] })).rejects.toMatchObject({ code: 'closed', resource: 'kafka-producer' })
    expect((await look(broker.brokers, randomUUID(), topic)).written).toBe(200)
  })

  test('control: the plain disconnect() returns before the sends, which connect again', async () => {
    const topic = await createTopic(broker.brokers, 0)
    const producer = drainable().producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    let answered = 0
    const sends = Array.from({ length: 200 }, (_, n) => producer.send({ topic, messages: [{ value: String(n) }] }).then(() => answered++))
    await producer.disconnect()
    const answeredAtDisconnect = answered
    await Promise.allSettled(sends)
    expect(answeredAtDisconnect).toBeLessThan(200)
    expect(controlOf(producer)?.openSockets()).toBeGreaterThan(0)
    await producer.disconnect()
  })

  test('that is idempotent has each of its sends written once', async () => {
    const topic = await createTopic(broker.brokers, 0)
    const producer = drainable().producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true })
    const lifecycle = createLifecycle({ policy: roomy })
    lifecycle.add(kafkaProducer(producer))
    await lifecycle.start()
    const sends = Array.from({ length: 200 }, (_, n) => producer.send({ topic, messages: [{ value: String(n) }] }))
    expect((await lifecycle.stop(sigterm)).result).toBe('clean')
    await Promise.all(sends)
    expect((await look(broker.brokers, randomUUID(), topic)).written).toBe(200)
  })

  test('gives the system all that it sends without acknowledgement', async () => {
    const { lifecycle, producer, topic } = await started()
    // More than the buffers between the two hold, so that most of it is still here when all sends have resolved.
    const value = 'x'.repeat(900_000)
    await producer.send({ topic, messages: [{ value }] })
    await broker.freeze()
    await Promise.all(Array.from({ length: 30 }, () => producer.send({ topic, acks: 0, messages: [{ value }] })))
    const stopped = lifecycle.stop(sigterm)
    expect(await Promise.race([stopped, sleep(300, 'pending')])).toBe('pending')
    await broker.thaw()
    expect((await stopped).result).toBe('clean')
    await expect.poll(async () => (await look(broker.brokers, randomUUID(), topic)).written, { timeout: 10_000 }).toBe(31)
  })
})

test('a producer that was cut in its sends leaves no timer behind: kafkajs would try again for ten seconds', async () => {
  const topic = await createTopic(broker.brokers, 0)
  const countTimers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = countTimers()
  const producer = drainable().producer({ createPartitioner: Partitioners.DefaultPartitioner })
  const resource = kafkaProducer(producer)
  await resource.start?.({ signal: new AbortController().signal })
  await producer.send({ topic, messages: [{ value: 'first' }] })
  await broker.freeze()
  const sends = Promise.allSettled(Array.from({ length: 20 }, () => producer.send({ topic, messages: [{ value: 'lost' }] })))
  await sleep(50)
  await resource.force?.({ reason: sigterm, boundMs: 100 })
  await sends
  await broker.thaw()
  await sleep(500)
  expect(countTimers()).toBeLessThanOrEqual(before)
})

describe('an admin client', () => {
  async function started(): Promise<{ admin: Admin; resource: Resource; lifecycle: Lifecycle }> {
    const admin = drainable().admin()
    const resource = kafkaAdmin(admin)
    const lifecycle = createLifecycle()
    lifecycle.add(resource)
    await lifecycle.start()
    return { admin, resource, lifecycle }
  }

  test('finishes the calls that are under way, and refuses later ones', async () => {
    const { admin, resource, lifecycle } = await started()
    const topic = `orders-${randomUUID()}`
    const calls = [admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: false }), admin.describeCluster()]
    expect(resource.inFlight?.()).toBe(2)
    expect(resource.waitingFor?.()).toEqual([expect.stringMatching(/^createTopics 0\.\d s$/), expect.stringMatching(/^describeCluster 0\.\d s$/)])
    const report = await lifecycle.stop(sigterm)
    expect(report.steps.find(({ name }) => name === 'kafka-admin')).toMatchObject({ outcome: 'drained', inFlight: { atStop: 2 } })
    expect(await Promise.all(calls)).toMatchObject([true, { brokers: [{}] }])
    await expect(admin.listTopics()).rejects.toMatchObject({ code: 'closed', resource: 'kafka-admin' })
    expect(controlOf(admin)?.openSockets()).toBe(0)
  })

  test('control: the plain disconnect() fails a call that is under way', async () => {
    const admin = drainable().admin()
    await admin.connect()
    const call = admin.createTopics({ topics: [{ topic: `orders-${randomUUID()}`, numPartitions: 3 }], waitForLeaders: false })
    await admin.disconnect()
    await expect(call).rejects.toThrow(/Closed connection|write after end/)
    await admin.disconnect()
  })
})
