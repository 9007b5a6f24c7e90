import type { TcpLink } from '@lameduck/conformance'
import { createLifecycle, type Lifecycle } from '@lameduck/core'
import { Partitioners, type Admin, type Producer } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { kafkaAdmin, kafkaProducer } from '../src/index.ts'
import { sharedBroker, type Broker } from './support/broker.ts'
import { consuming, sigterm, stepOf } from './support/consuming.ts'
import { createGate } from './support/gate.ts'
import { linkForTest, throughLink } from './support/through-link.ts'
import { createTopic } from './support/topic.ts'

// Work that the drain waited for, and that came to nothing: it is not drained, and it is counted.

let broker: Broker
beforeAll(async () => {
  broker = await sharedBroker()
  return () => broker.stop()
})

const impatient = { retries: 1, initialRetryTime: 50 }

interface Sending {
  readonly link: TcpLink
  readonly producer: Producer
  readonly lifecycle: Lifecycle
  readonly topic: string
  readonly send: (value: string) => Promise<unknown>
}

/** Over a link of its own; what is asked gives up soon. */
async function sending(settings = {}): Promise<Sending> {
  const topic = await createTopic(broker.brokers, 0)
  const { link, kafka } = await throughLink(broker, { retry: impatient })
  onTestFinished(() => link.close())
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, allowAutoTopicCreation: false, retry: impatient, ...settings })
  const lifecycle = createLifecycle()
  lifecycle.add(kafkaProducer(producer, { timeoutMs: 15_000 }))
  await lifecycle.start()
  const send = (value: string): Promise<unknown> => producer.send({ topic, messages: [{ partition: 0, value }] })
  return { link, producer, lifecycle, topic, send }
}

/** So that nobody hears of it as of an unhandled rejection. */
function expectAllRejected(calls: readonly Promise<unknown>[]): Promise<void> {
  return Promise.allSettled(calls).then((settled) => expect(settled.map(({ status }) => status)).toEqual(calls.map(() => 'rejected')))
}

describe('a producer', () => {
  test('whose broker is gone: 20 sends that fail are 20 that have failed', async () => {
    const { link, lifecycle, send, topic } = await sending()
    // A topic that is new may refuse it.
    await expect.poll(() => send('first').then(() => 'sent', String)).toBe('sent')
    link.freeze()
    const rejected = expectAllRejected(Array.from({ length: 20 }, (_, n) => send(String(n))))
    const stopped = lifecycle.stop(sigterm)
    await link.kill()
    const report = await stopped
    await rejected
    expect(report.result).toBe('failed')
    expect(stepOf(report, 'kafka-producer')).toMatchObject({ outcome: 'failed', work: { done: 0, failed: 20, cut: 0, reasons: [expect.stringMatching(new RegExp(`^send to ${topic}: .+ \\(×20\\)$`))] } })
    expect(stepOf(report, 'kafka-producer')?.errors).toEqual([expect.stringContaining('20 of 20 failed while it stopped')])
  })

  test('what the broker refuses for good has its answer', async () => {
    const { lifecycle, producer, send, topic } = await sending()
    const tooLarge = send('x'.repeat(2_000_000))
    const toNowhere = producer.send({ topic: `${topic}-not-there`, messages: [{ value: '1' }] })
    const rejected = expectAllRejected([tooLarge, toNowhere])
    const report = await lifecycle.stop(sigterm)
    await rejected
    await expect(tooLarge).rejects.toMatchObject({ message: expect.stringContaining('larger than the max message size') })
    expect(report.result).toBe('clean')
    expect(stepOf(report, 'kafka-producer')).toMatchObject({ outcome: 'drained', work: { done: 2, failed: 0 } })
  })

  test('that is used after its close refuses, and counts', async () => {
    const { lifecycle, producer, send } = await sending()
    const report = await lifecycle.stop(sigterm)
    expect(report.result).toBe('clean')
    await expect(send('late')).rejects.toMatchObject({ name: 'LifecycleError', code: 'closed', resource: 'kafka-producer' })
    await expect(producer.sendBatch({ topicMessages: [] })).rejects.toMatchObject({ code: 'closed' })
    await expect(producer.transaction()).rejects.toMatchObject({ code: 'closed' })
  })

  test('that a timer goes on using makes the stop unknown', async () => {
    const { lifecycle, send } = await sending()
    const closed = createGate()
    lifecycle.add({ name: 'traces', phase: 'telemetry', drain: () => send('late').catch(closed.open) as Promise<void> })
    const report = await lifecycle.stop(sigterm)
    await closed.opened
    expect(report.result).toBe('unknown')
    expect(stepOf(report, 'kafka-producer')).toMatchObject({ outcome: 'idle', work: { refused: 1, reasons: [expect.stringMatching(/^send to .+: refused$/)] } })
  })

  test('whose transaction cannot be committed', async () => {
    const { link, lifecycle, producer, topic } = await sending({ idempotent: true, maxInFlightRequests: 1, transactionalId: randomUUID(), transactionTimeout: 20_000 })
    const transaction = await producer.transaction()
    // A topic that is new may refuse it.
    await expect.poll(() => transaction.send({ topic, messages: [{ partition: 0, value: 'never' }] }).then(() => 'sent', String)).toBe('sent')
    await link.kill()
    const stopped = lifecycle.stop(sigterm)
    await expect(transaction.commit()).rejects.toThrow()
    expect(stepOf(await stopped, 'kafka-producer')).toMatchObject({ outcome: 'failed', work: { failed: 1, reasons: [expect.stringMatching(/^an open transaction .+/)] } })
  })
})

describe('an admin client', () => {
  async function asking(): Promise<{ link: TcpLink; admin: Admin; lifecycle: Lifecycle }> {
    const { link, kafka } = await throughLink(broker, { retry: impatient })
    onTestFinished(() => link.close())
    const admin = kafka.admin({ retry: impatient })
    const lifecycle = createLifecycle()
    lifecycle.add(kafkaAdmin(admin, { timeoutMs: 15_000 }))
    await lifecycle.start()
    return { link, admin, lifecycle }
  }

  test('whose broker is gone: calls that fail have failed', async () => {
    const { link, admin, lifecycle } = await asking()
    link.freeze()
    const rejected = expectAllRejected([admin.listTopics(), admin.describeCluster()])
    const stopped = lifecycle.stop(sigterm)
    await link.kill()
    const report = await stopped
    await rejected
    expect(stepOf(report, 'kafka-admin')).toMatchObject({ outcome: 'failed', work: { done: 0, failed: 2 } })
  })

  test('what the broker refuses for good has its answer', async () => {
    const { admin, lifecycle } = await asking()
    const calls = [admin.deleteTopics({ topics: ['not-there'] }), admin.deleteGroups(['not-there']), admin.createTopics({ topics: [{ topic: 'a/b' }] })]
    const rejected = expectAllRejected(calls)
    const report = await lifecycle.stop(sigterm)
    await rejected
    expect(stepOf(report, 'kafka-admin')).toMatchObject({ outcome: 'drained', work: { done: 3, failed: 0 } })
    await expect(admin.listTopics()).rejects.toMatchObject({ code: 'closed', resource: 'kafka-admin' })
  })
})

describe('a consumer', () => {
  test('whose commits by hand fail: they have failed', async () => {
    const { link, socketFactory } = await linkForTest(broker)
    const begun = createGate()
    const gate = createGate()
    const subject = await consuming(broker, {
      kafka: { retry: impatient, socketFactory },
      settings: { retry: impatient },
      run: (consumer, topic) => ({
        autoCommit: false,
        async eachMessage({ partition, message }) {
          begun.open()
          await gate.opened
          await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }]).catch(() => {})
        },
      }),
    })
    await begun.opened
    const stopped = subject.stop()
    await link.kill()
    gate.open()
    expect(stepOf(await stopped)).toMatchObject({ outcome: 'failed', work: { done: 1, failed: 1, reasons: [expect.stringMatching(/^the commit of .+\[0\] up to 1: /)] } })
    expect(await subject.committed()).toEqual([0, 0, 0])
  })

  test('that is cut: what it had in hand is counted', async () => {
    const begun = createGate()
    const gate = createGate()
    const subject = await consuming(broker, {
      timeoutMs: 300,
      run: () => ({
        async eachMessage() {
          begun.open()
          await gate.opened
        },
      }),
    })
    await begun.opened
    const report = await subject.stop()
    gate.open()
    expect(stepOf(report)).toMatchObject({ outcome: 'forced', inFlight: { atForce: 1 }, work: { done: 0, failed: 0, cut: 1 } })
  })
})
