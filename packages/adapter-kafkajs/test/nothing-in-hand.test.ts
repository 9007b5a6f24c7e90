import type { TcpLink } from '@lameduck/conformance'
import type { Report } from '@lameduck/core'
import type { Consumer, ConsumerRunConfig } from 'kafkajs'
import { beforeAll, describe, expect, test } from 'vitest'
import { controlOf } from '../src/lib/client-control.ts'
import { sharedBroker, type Broker } from './support/broker.ts'
import { consuming, stepOf, type Consuming } from './support/consuming.ts'
import { createGate } from './support/gate.ts'
import { watchLateness } from './support/lateness.ts'
import { linkForTest } from './support/through-link.ts'
import { look } from './support/topic.ts'

// What kafkajs waits for when nothing is in hand any more: it is no loss to let go, and no reason to wait.

let broker: Broker
beforeAll(async () => {
  broker = await sharedBroker()
  return () => broker.stop()
})

const poison = '2'
const lateness = watchLateness()

function failAt(value: string): void {
  if (value === poison) throw new Error('the shop is closed')
}

/** Handlers that fail with the third message, and have the first two committed. */
const modes: Record<string, (consumer: Consumer, topic: string) => ConsumerRunConfig> = {
  'automatic commits': () => ({ eachMessage: async ({ message }) => failAt(String(message.value)) }),
  'manual commits': (consumer, topic) => ({
    autoCommit: false,
    async eachMessage({ partition, message }) {
      failAt(String(message.value))
      await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
    },
  }),
  batches: () => ({
    eachBatchAutoResolve: false,
    async eachBatch(payload) {
      for (const message of payload.batch.messages) {
        failAt(String(message.value))
        payload.resolveOffset(message.offset)
      }
    },
  }),
}

/** kafkajs' first pause after a failure; the stop has less. */
const retry = { initialRetryTime: 25_000, retries: 8 }

async function expectGone({ committed, groupId, topic }: Consuming, report: Report, kept: number[]): Promise<void> {
  expect(report.result).toBe('clean')
  expect(report.tookMs).toBeLessThan(2_000 + lateness())
  expect(await committed()).toEqual(kept)
  expect((await look(broker.brokers, groupId, topic)).members).toBe(0)
}

describe.each([false, true])('kafkajs sleeps after a handler has failed (not made by drainableKafka: %s)', (plain) => {
  test.each(Object.keys(modes))('%s: the consumer leaves at once, and the message comes again', async (mode) => {
    const subject = await consuming(broker, { plain, settings: { retry }, run: (consumer, topic) => modes[mode]!(consumer, topic) })
    await expect.poll(subject.committed).toEqual([2, 0, 0])
    const report = await subject.stop()
    await expectGone(subject, report, [2, 0, 0])
    expect(stepOf(report)).toMatchObject({ outcome: 'idle', errors: [], waitingFor: [] })
    if (!plain) expect(controlOf(subject.consumer)?.openSockets()).toBe(0)
  })
})

test.each(['automatic commits', 'manual commits', 'batches'])('%s: a handler that fails while its consumer stops is no loss, and is named in the report', async (mode) => {
  const begun = createGate()
  const gate = createGate()
  const subject = await consuming(broker, {
    messages: 1,
    settings: { retry },
    run: () => {
      const handle = async (): Promise<void> => {
        begun.open()
        await gate.opened
        throw new Error('the shop is closed')
      }
      return { autoCommit: mode !== 'manual commits', ...(mode === 'batches' ? { eachBatch: handle } : { eachMessage: handle }) }
    },
  })
  await begun.opened
  const stopped = subject.stop()
  gate.open()
  const report = await stopped
  await expectGone(subject, report, [0, 0, 0])
  expect(stepOf(report)).toMatchObject({ outcome: 'drained', work: { done: 0, failed: 0, cut: 0, reasons: [`delivered again: ${subject.topic}[0] offset 0, whose handler failed (the shop is closed)`] } })
})

describe('the broker is away, and nothing is in hand', () => {
  async function throughLink(): Promise<{ subject: Consuming; link: TcpLink }> {
    const { link, socketFactory } = await linkForTest(broker)
    const subject = await consuming(broker, { kafka: { socketFactory }, run: () => ({ eachMessage: async () => {} }) })
    await expect.poll(subject.committed).toEqual([10, 0, 0])
    return { subject, link }
  }

  test.each(['kill', 'freeze'] as const)('%s: the stop is over soon, and says what the others may have to wait for', async (how) => {
    const { subject, link } = await throughLink()
    await link[how]()
    const report = await subject.stop()
    expect(report.result).toBe('clean')
    expect(report.tookMs).toBeLessThan(2_000 + lateness())
    expect(stepOf(report)).toMatchObject({ outcome: 'idle', errors: [] })
    if (how === 'freeze') expect(stepOf(report)?.work?.reasons).toEqual([expect.stringMatching(/^the group .+ stand still for up to 30 s if the broker does not hear that it leaves$/)])
    expect(controlOf(subject.consumer)?.openSockets()).toBe(0)
  })

  test('and kafkajs tries to reach it again', async () => {
    const { subject, link } = await throughLink()
    const { consumer } = subject
    await link.kill()
    const crashed = new Promise((resolve) => consumer.on(consumer.events.CRASH, resolve))
    const noticed = new Promise<void>((resolve) => consumer.on(consumer.events.FETCH_START, () => resolve()))
    await Promise.race([crashed, noticed])
    const report = await subject.stop()
    expect(report).toMatchObject({ result: 'clean' })
    expect(report.tookMs).toBeLessThan(2_000 + lateness())
  })
})
