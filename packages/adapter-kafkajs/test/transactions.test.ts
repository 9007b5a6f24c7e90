import { createLifecycle, type Lifecycle, type Report, type Resource } from '@lameduck/core'
import { Kafka, Partitioners, type Producer, type Transaction } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { drainableKafka, kafkaConsumer, kafkaProducer } from '../src/index.ts'
import { controlOf } from '../src/lib/client-control.ts'
import { startBroker, type Broker } from './support/broker.ts'
import { createGate } from './support/gate.ts'
import { watchLateness } from './support/lateness.ts'
import { throughLink } from './support/through-link.ts'
import { createTopic, kafkaConfig, look } from './support/topic.ts'

let broker: Broker
beforeAll(async () => {
  // Every 10 s by default.
  broker = await startBroker('transaction.abort.timed.out.transaction.cleanup.interval.ms=200')
  return () => broker.stop()
})

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const settings = { createPartitioner: Partitioners.DefaultPartitioner, maxInFlightRequests: 1, idempotent: true }
const lateness = watchLateness()

interface Service {
  readonly producer: Producer
  readonly resource: Resource
  readonly transactionalId: string
  readonly lifecycle: Lifecycle
  readonly topic: string
  /** Says what a reader of committed messages sees. */
  readonly reader: { readonly seen: string[]; readonly sees: (value: string) => Promise<void> }
}

/** A started transactional producer, and somebody who reads what it commits. */
async function started({ timeoutMs = 10_000, forceMs = 100, transactionTimeout = 20_000 } = {}): Promise<Service> {
  const topic = await createTopic(broker.brokers, 0)
  const transactionalId = randomUUID()
  const producer = drainableKafka(Kafka, kafkaConfig(broker.brokers)).producer({ ...settings, transactionalId, transactionTimeout })
  const lifecycle = createLifecycle()
  const resource = kafkaProducer(producer, { timeoutMs, forceMs })
  lifecycle.add(resource)
  await lifecycle.start()
  return { producer, resource, lifecycle, topic, transactionalId, reader: await readCommitted(topic) }
}

async function readCommitted(topic: string): Promise<Service['reader']> {
  const consumer = new Kafka(kafkaConfig(broker.brokers)).consumer({ groupId: randomUUID(), maxWaitTimeInMs: 50 })
  const seen: string[] = []
  onTestFinished(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(String(message.value)) })
  return { seen, sees: (value) => expect.poll(() => seen, { timeout: 10_000, interval: 20 }).toContain(value) }
}

/** What somebody else writes into the same partition. */
async function writeBehind(topic: string, value: string): Promise<void> {
  const producer = new Kafka(kafkaConfig(broker.brokers)).producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic, messages: [{ partition: 0, value }] })
  await producer.disconnect()
}

async function begin({ producer, topic }: Service, value: string): Promise<Transaction> {
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: [{ partition: 0, value }] })
  return transaction
}

function producerStep(report: Report) {
  return report.steps.find(({ name }) => name === 'kafka-producer')
}

describe('a transaction that is open at the signal', () => {
  test('may send more, and commits within the drain', async () => {
    const service = await started()
    const transaction = await begin(service, 'first')
    const stopped = service.lifecycle.stop(sigterm)
    await transaction.send({ topic: service.topic, messages: [{ partition: 0, value: 'second' }] })
    await transaction.commit()
    expect(producerStep(await stopped)).toMatchObject({ outcome: 'drained', inFlight: { atStop: 1 } })
    await service.reader.sees('second')
    expect(service.reader.seen).toEqual(['first', 'second'])
    await expect(service.producer.transaction()).rejects.toMatchObject({ code: 'closed' })
  })

  test('aborts within the drain', async () => {
    const service = await started()
    const transaction = await begin(service, 'never')
    const stopped = service.lifecycle.stop(sigterm)
    await transaction.abort()
    expect(producerStep(await stopped)?.outcome).toBe('drained')
    await writeBehind(service.topic, 'after')
    await service.reader.sees('after')
    expect(service.reader.seen).toEqual(['after'])
  })

  test('is aborted when nobody ends it in time: its readers go on at once', async () => {
    // A busy machine takes longer for it than the 75 ms that there are by default; it does not take all of that.
    const service = await started({ timeoutMs: 300, forceMs: 5_000 })
    const transaction = await begin(service, 'never')
    const report = await service.lifecycle.stop(sigterm)
    expect(producerStep(report)).toMatchObject({ outcome: 'forced', errors: [], inFlight: { atForce: 1 } })
    expect(producerStep(report)?.waitingFor).toEqual([
      expect.stringMatching(/^an open transaction \(unless the broker takes its abort at a cut, readers wait up to 20 s\) 0\.\d s$/),
    ])
    expect(report.tookMs).toBeLessThan(300 + 1_000 + lateness())
    await writeBehind(service.topic, 'after')
    await service.reader.sees('after')
    expect(service.reader.seen).toEqual(['after'])
    await expect(transaction.send({ topic: service.topic, messages: [{ value: 'late' }] })).rejects.toMatchObject({ code: 'cut', resource: 'kafka-producer' })
    await expect(transaction.commit()).rejects.toMatchObject({ code: 'cut', resource: 'kafka-producer' })
    // Its owner gives up as well, and finds it done.
    await transaction.abort()
    expect(controlOf(service.producer)?.openSockets()).toBe(0)
  })

  test('control: the plain disconnect() leaves it open, and its readers wait', async () => {
    const service = await started()
    const producer = new Kafka(kafkaConfig(broker.brokers)).producer({ ...settings, transactionalId: randomUUID(), transactionTimeout: 20_000 })
    await producer.connect()
    await begin({ ...service, producer }, 'never')
    await producer.disconnect()
    await writeBehind(service.topic, 'after')
    await sleep(3_000)
    expect(service.reader.seen).toEqual([])
    await service.lifecycle.stop(sigterm)
  })

  test('is committed, and not aborted, when that was asked for before the cut', async () => {
    const service = await started()
    const transaction = await begin(service, 'first')
    const commit = transaction.commit()
    await service.resource.force?.({ reason: sigterm, boundMs: 5_000 })
    await commit
    await service.reader.sees('first')
  })

  test('is aborted when its send gets its answer: nothing of it is left over', async () => {
    const service = await started()
    const transaction = await service.producer.transaction()
    const send = transaction.send({ topic: service.topic, messages: [{ partition: 0, value: 'never' }] })
    await service.resource.force?.({ reason: sigterm, boundMs: 5_000 })
    await send
    await writeBehind(service.topic, 'after')
    await service.reader.sees('after')
    expect(service.reader.seen).toEqual(['after'])
  })
})

describe('a transaction whose end gets no answer, for the broker is gone', () => {
  async function begun(transactionTimeout: number) {
    const topic = await createTopic(broker.brokers, 0)
    const { link, kafka } = await throughLink(broker, { retry: { retries: 1, initialRetryTime: 100 } })
    onTestFinished(() => link.close())
    const producer = kafka.producer({ ...settings, transactionalId: randomUUID(), transactionTimeout, retry: { retries: 1, initialRetryTime: 100 } })
    const lifecycle = createLifecycle()
    lifecycle.add(kafkaProducer(producer))
    await lifecycle.start()
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ partition: 0, value: 'never' }] })
    return { link, transaction, stop: () => lifecycle.stop(sigterm) }
  }

  test.each(['commit', 'abort'] as const)('%s: the stop has failed, and says what readers wait for', async (end) => {
    const { link, transaction, stop } = await begun(20_000)
    await link.kill()
    const stopped = stop()
    await expect(transaction[end]()).rejects.toThrow()
    // What people do then; kafkajs refuses it.
    await expect(transaction.abort()).rejects.toThrow()
    expect(producerStep(await stopped)).toMatchObject({
      outcome: 'failed',
      errors: ['the broker confirmed neither the commit nor the abort of a transaction'],
      waitingFor: ['the end of a transaction (unless the broker has it, readers wait up to 20 s)'],
    })
  })

  test('a stop long after that says nothing: the broker has aborted it', async () => {
    const { link, transaction, stop } = await begun(500)
    await link.kill()
    await expect(transaction.commit()).rejects.toThrow()
    await sleep(500)
    expect(producerStep(await stop())).toMatchObject({ outcome: 'idle', errors: [], waitingFor: [] })
  })
})

describe('a transaction whose broker is frozen at the cut', () => {
  const transactionTimeout = 3_000

  /** Cuts it in the middle, and lets the broker go on. */
  async function cutFrozen(): Promise<Service> {
    // Most of forceMs is for the abort; what is left must be enough for a busy machine.
    const service = await started({ timeoutMs: 200, forceMs: 800, transactionTimeout })
    const transaction = await begin(service, 'never')
    await broker.freeze()
    const send = transaction.send({ topic: service.topic, messages: [{ partition: 0, value: 'never' }] })
    const settled = Promise.allSettled([send])
    const report = await service.lifecycle.stop(sigterm)
    expect(producerStep(report)).toMatchObject({ outcome: 'forced', errors: [] })
    expect(report.tookMs).toBeLessThan(200 + 1_000 + lateness())
    expect(await settled).toMatchObject([{ status: 'rejected', reason: { code: 'cut', resource: 'kafka-producer' } }])
    expect(controlOf(service.producer)?.openSockets()).toBe(0)
    await broker.thaw()
    await writeBehind(service.topic, 'after')
    return service
  }

  test('keeps its readers waiting until its transactionTimeout is over, and no longer', async () => {
    const service = await cutFrozen()
    const since = performance.now()
    await service.reader.sees('after')
    expect(performance.now() - since).toBeLessThan(transactionTimeout + 3_000)
    expect(service.reader.seen).toEqual(['after'])
  })

  test('is aborted at once by the next one with the same transactionalId', async () => {
    const service = await cutFrozen()
    const next = drainableKafka(Kafka, kafkaConfig(broker.brokers)).producer({ ...settings, transactionalId: service.transactionalId, transactionTimeout: 60_000 })
    onTestFinished(() => next.disconnect())
    await next.connect()
    const transaction = await next.transaction()
    await transaction.abort()
    await service.reader.sees('after')
    expect(service.reader.seen).toEqual(['after'])
  })
})

describe('consume, transform, produce', () => {
  const total = 30
  /** The lives that are cut while their handler holds an open transaction. */
  const cutIn = [1, 3]

  /** One life of a service that handles `least` messages, and is then stopped in the middle of the next; `stuck`: which does not end. */
  async function live(groupId: string, from: string, to: string, least: number, stuck: boolean): Promise<Report> {
    const kafka = drainableKafka(Kafka, kafkaConfig(broker.brokers))
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50, sessionTimeout: 20_000 })
    // A machine that is too busy to take the abort at the cut in time keeps the reader waiting no longer than this.
    const producer = kafka.producer({ ...settings, transactionalId: randomUUID(), transactionTimeout: 5_000 })
    const enough = createGate()
    const gate = createGate()
    onTestFinished(gate.open)
    let handled = 0
    const lifecycle = createLifecycle()
    const sink = kafkaProducer(producer, { timeoutMs: stuck ? 300 : 5_000 })
    const source = kafkaConsumer(consumer, {
      topics: [from],
      fromBeginning: true,
      timeoutMs: stuck ? 300 : 5_000,
      autoCommit: false,
      async eachMessage({ topic, partition, message }) {
        const transaction = await producer.transaction()
        await transaction.send({ topic: to, messages: [{ partition: 0, value: String(message.value) }] })
        await transaction.sendOffsets({ consumerGroupId: groupId, topics: [{ topic, partitions: [{ partition, offset: String(BigInt(message.offset) + 1n) }] }] })
        if (++handled >= least) enough.open()
        if (handled >= least && stuck) await gate.opened
        await transaction.commit()
      },
    })
    lifecycle.add(sink)
    lifecycle.add(source)
    await lifecycle.start()
    await enough.opened
    return lifecycle.stop(sigterm)
  }

  test('over five lives, two of them cut in a transaction: every message comes out once', async () => {
    const groupId = randomUUID()
    const [from, to] = [await createTopic(broker.brokers, total), await createTopic(broker.brokers, 0)]
    const reader = await readCommitted(to)
    for (const life of [0, 1, 2, 3, 4]) {
      const isCut = cutIn.includes(life)
      const left = total - (await look(broker.brokers, groupId, from)).committed
      const report = await live(groupId, from, to, life === 4 ? left : 5, isCut)
      expect(report.result).toBe(isCut ? 'forced' : 'clean')
      if (isCut) expect(report.steps.map(({ outcome }) => outcome)).toEqual(['forced', 'forced'])
    }
    await expect.poll(() => reader.seen.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(total)
    expect(new Set(reader.seen).size).toBe(total)
    expect(reader.seen.length).toBe(total)
  })

  test('a handler that is left over when its consumer was cut cannot commit: its message is for others', async () => {
    const groupId = randomUUID()
    const [from, to] = [await createTopic(broker.brokers, 1), await createTopic(broker.brokers, 0)]
    const kafka = drainableKafka(Kafka, kafkaConfig(broker.brokers))
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50 })
    const producer = kafka.producer({ ...settings, transactionalId: randomUUID() })
    const begun = createGate()
    const gate = createGate()
    let commit: Promise<unknown> = Promise.resolve()
    const lifecycle = createLifecycle()
    const sink = kafkaProducer(producer, { timeoutMs: 10_000 })
    lifecycle.add(sink)
    const source = kafkaConsumer(consumer, {
      topics: [from],
      fromBeginning: true,
      autoCommit: false,
      async eachMessage({ topic, partition, message }) {
        const transaction = await producer.transaction()
        await transaction.send({ topic: to, messages: [{ partition: 0, value: 'never' }] })
        await transaction.sendOffsets({ consumerGroupId: groupId, topics: [{ topic, partitions: [{ partition, offset: String(BigInt(message.offset) + 1n) }] }] })
        begun.open()
        await gate.opened
        commit = transaction.commit()
        await commit
      },
    })
    lifecycle.add(source)
    await lifecycle.start()
    await begun.opened
    await source.force?.({ reason: sigterm, boundMs: 100 })
    gate.open()
    await expect.poll(() => commit.then(() => 'committed', String)).toContain(`the consumer of ${groupId} was cut, and its messages go to other members: the transaction was aborted`)
    await lifecycle.stop(sigterm)
    expect((await look(broker.brokers, groupId, from)).committed).toBe(0)
    const reader = await readCommitted(to)
    await writeBehind(to, 'after')
    await reader.sees('after')
    expect(reader.seen).toEqual(['after'])
  })
})
