import { createLifecycle, type Report } from '@lameduck/core'
import { Kafka, type Consumer, type ConsumerRunConfig } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { drainableKafka, kafkaConsumer } from '../src/index.ts'
import { startBroker, type Broker } from './support/broker.ts'
import { createTopic, kafkaConfig, look } from './support/topic.ts'

const total = 240
const restarts = 4

let broker: Broker
let topic: string
beforeAll(async () => {
  broker = await startBroker()
  topic = await createTopic(broker.brokers, total)
})
afterAll(() => broker.stop())

/** One life: consumes until `until` messages are handled, is stopped in the middle of its work, and leaves. */
interface Life {
  readonly consumer: Consumer
  /** Called for each message when it has been handled. */
  readonly handled: (partition: number, offset: string) => void
}

type RunOf = (life: Life) => ConsumerRunConfig

async function liveAndStop(groupId: string, runOf: RunOf, seen: string[], until: number): Promise<Report> {
  const consumer = drainableKafka(Kafka, kafkaConfig(broker.brokers)).consumer({ groupId, maxWaitTimeInMs: 100 })
  const lifecycle = createLifecycle()
  let enough = (): void => {}
  const handledEnough = new Promise<void>((resolve) => (enough = resolve))
  const handled = (partition: number, offset: string): void => {
    seen.push(`${partition}:${offset}`)
    if (seen.length >= until) enough()
  }
  lifecycle.add(kafkaConsumer(consumer, { topics: [topic], fromBeginning: true, ...runOf({ consumer, handled }) }))
  await lifecycle.start()
  await handledEnough
  const report = await lifecycle.stop({ kind: 'signal', signal: 'SIGTERM', interactive: false })
  const atEnd = seen.length
  await sleep(50)
  expect(seen.length, 'nothing is handled after the stop').toBe(atEnd)
  return report
}

async function restartOften(runOf: RunOf): Promise<void> {
  const groupId = randomUUID()
  const seen: string[] = []
  for (let life = 1; life <= restarts; life++) {
    // Not at a multiple of anything, so that the stop meets messages in hand.
    const report = await liveAndStop(groupId, runOf, seen, life === restarts ? total : life * 53)
    expect(report.result).toBe('clean')
    const { committed, members } = await look(broker.brokers, groupId, topic)
    expect({ committed, members }).toEqual({ committed: seen.length, members: 0 })
  }
  expect(new Set(seen).size, 'none is lost').toBe(total)
  expect(seen.length, 'none is handled twice').toBe(total)
}

describe(`${total} messages over ${restarts} lives of one group: none lost, none handled twice`, () => {
  test('eachMessage, automatic commits', () =>
    restartOften(({ handled }) => ({
      async eachMessage({ partition, message }) {
        await sleep(2)
        handled(partition, message.offset)
      },
    })))

  test('eachMessage, automatic commits, three partitions at once', () =>
    restartOften(({ handled }) => ({
      partitionsConsumedConcurrently: 3,
      async eachMessage({ partition, message }) {
        await sleep(1 + partition * 3)
        handled(partition, message.offset)
      },
    })))

  test('eachMessage, commitOffsets() by the handler, three partitions at once', () =>
    restartOften(({ consumer, handled }) => ({
      autoCommit: false,
      partitionsConsumedConcurrently: 3,
      async eachMessage({ topic: from, partition, message }) {
        await sleep(1 + partition * 3)
        handled(partition, message.offset)
        await consumer.commitOffsets([{ topic: from, partition, offset: String(BigInt(message.offset) + 1n) }])
      },
    })))

  test('eachBatch, automatic commits of what was resolved, leaving the batch early', () =>
    restartOften(({ handled }) => ({
      eachBatchAutoResolve: false,
      async eachBatch(payload) {
        const { batch } = payload
        for (const message of batch.messages) {
          if (!payload.isRunning()) break
          await sleep(2)
          handled(batch.partition, message.offset)
          payload.resolveOffset(message.offset)
        }
      },
    })))

  test('eachBatch that resolves automatically, leaving the batch early', () =>
    restartOften(({ handled }) => ({
      async eachBatch(payload) {
        const { batch } = payload
        for (const message of batch.messages) {
          if (!payload.isRunning()) break
          await sleep(2)
          handled(batch.partition, message.offset)
          payload.resolveOffset(message.offset)
        }
      },
    })))

  test('eachBatch, commitOffsets() by the handler, leaving the batch early', () =>
    restartOften(({ consumer, handled }) => ({
      autoCommit: false,
      partitionsConsumedConcurrently: 2,
      async eachBatch(payload) {
        const { batch } = payload
        for (const message of batch.messages) {
          if (!payload.isRunning()) break
          await sleep(2)
          handled(batch.partition, message.offset)
          await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset: String(BigInt(message.offset) + 1n) }])
        }
      },
    })))
})
