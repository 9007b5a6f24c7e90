import type { LifecycleEvent } from '@lameduck/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { sharedBroker, type Broker } from './support/broker.ts'
import { consuming, stepOf, type Consuming } from './support/consuming.ts'

// A consumer that kafkajs gives up: nothing is consumed any more, and nothing of its own brings it back.

let broker: Broker
beforeAll(async () => {
  broker = await sharedBroker()
  return () => broker.stop()
})

type Ended = Extract<LifecycleEvent, { type: 'resource-ended' }>

async function poisoned(error: Error, restartOnFailure: () => Promise<boolean>): Promise<{ subject: Consuming; endings: Ended[]; crashed: Promise<unknown> }> {
  const endings: Ended[] = []
  let crashed: Promise<unknown> = Promise.resolve()
  const subject = await consuming(broker, {
    settings: { retry: { initialRetryTime: 50, retries: 1, restartOnFailure } },
    run: () => ({
      async eachMessage({ message }) {
        if (String(message.value) === '2') throw error
      },
    }),
    also: (lifecycle, { consumer }) => {
      lifecycle.subscribe((event) => void (event.type === 'resource-ended' && endings.push(event)))
      crashed = new Promise((resolve) => consumer.on(consumer.events.CRASH, resolve))
    },
  })
  return { subject, endings, crashed }
}

describe('is heard', () => {
  test.each([
    ['when restartOnFailure says no', new Error('poison'), async () => false, 'KafkaJSNumberOfRetriesExceeded: poison'],
    ['when its error is one that kafkajs does not try again', new TypeError('poison'), async () => true, 'KafkaJSNonRetriableError: poison'],
  ])('%s', async (_when, error, restartOnFailure, why) => {
    const { subject, endings, crashed } = await poisoned(error, restartOnFailure)
    await crashed
    expect(endings).toEqual([{ type: 'resource-ended', name: 'kafka-consumer', why }])
    const report = await subject.stop()
    expect(stepOf(report)).toMatchObject({ outcome: 'failed', errors: [`it ended by itself before the stop: ${why}`] })
    expect(await subject.committed()).toEqual([2, 0, 0])
  })
})

test('a consumer that waits for its restart has not ended', async () => {
  const { subject, endings, crashed } = await poisoned(new Error('poison'), async () => true)
  await crashed
  expect(endings).toEqual([])
  expect(await subject.stop()).toMatchObject({ result: 'clean' })
  expect(await subject.committed()).toEqual([2, 0, 0])
})
