import { createLifecycle, type Report } from '@lameduck/core'
import { Kafka, type ConsumerRunConfig } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { drainableKafka, kafkaConsumer } from '../src/index.ts'
import { sharedBroker, type Broker } from './support/broker.ts'
import { createGate } from './support/gate.ts'
import { joinAsOther } from './support/group.ts'
import { watchLateness } from './support/lateness.ts'
import { createTopic, kafkaConfig, look, write } from './support/topic.ts'

let broker: Broker
beforeAll(async () => {
  broker = await sharedBroker()
  return () => broker.stop()
})

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const lateness = watchLateness()
const roomy = { graceMs: 30_000, phases: { intake: { reserveMs: 15_000 } } }

function drainable(): Kafka {
  return drainableKafka(Kafka, kafkaConfig(broker.brokers))
}

describe.each(['eachMessage', 'eachBatch'] as const)('a handler of %s that outlives the session while its consumer drains', (how) => {
  const session = { maxWaitTimeInMs: 100, sessionTimeout: 1_500, heartbeatInterval: 300 }

  /** Beside another member, which is given the message when the group gives this one up. */
  async function handleSlowly(naive: boolean): Promise<{ slow: string; byOther: readonly string[] }> {
    const topic = await createTopic(broker.brokers, 0)
    const groupId = randomUUID()
    const other = await joinAsOther(broker.brokers, groupId, topic)
    const consumer = (naive ? new Kafka(kafkaConfig(broker.brokers)) : drainable()).consumer({ groupId, ...session })
    const begun = createGate()
    let slow = ''
    const handle = async (partition: number, offset: string): Promise<void> => {
      slow = `${partition}:${offset}`
      begun.open()
      await sleep(2_500)
    }
    const run: ConsumerRunConfig =
      how === 'eachMessage'
        ? { eachMessage: ({ partition, message }) => handle(partition, message.offset) }
        : {
            eachBatchAutoResolve: false,
            async eachBatch(payload) {
              const offset = String(payload.batch.messages[0]?.offset)
              await handle(payload.batch.partition, offset)
              payload.resolveOffset(offset)
            },
          }
    let stop: () => Promise<unknown>
    if (naive) {
      const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run(run)
      await joined
      stop = () => consumer.disconnect()
    } else {
      const lifecycle = createLifecycle({ policy: roomy })
      lifecycle.add(kafkaConsumer(consumer, { topics: [topic], fromBeginning: true, ...run }))
      await lifecycle.start()
      stop = async () => expect((await lifecycle.stop(sigterm)).result).toBe('clean')
    }
    await write(broker.brokers, topic, 30)
    await begun.opened
    await stop()
    await expect.poll(async () => (await look(broker.brokers, groupId, topic)).committed, { timeout: 10_000 }).toBe(30)
    return { slow, byOther: other.handled }
  }

  test('keeps its membership: its message is handled by nobody else', async () => {
    const { slow, byOther } = await handleSlowly(false)
    expect(byOther).not.toContain(slow)
    expect(byOther).toHaveLength(29)
  })

  test('control: with disconnect() alone, another member gets its message too', async () => {
    const { slow, byOther } = await handleSlowly(true)
    expect(byOther).toContain(slow)
  })
})

test('a handler that awaits the stop of its own process is cut at the deadline, and its message comes again', async () => {
  const topic = await createTopic(broker.brokers, 3)
  const groupId = randomUUID()
  const lifecycle = createLifecycle()
  const stopped = createGate()
  let report: Report | undefined
  lifecycle.add(
    kafkaConsumer(drainable().consumer({ groupId, maxWaitTimeInMs: 100 }), {
      topics: [topic],
      fromBeginning: true,
      timeoutMs: 500,
      async eachMessage() {
        report = await lifecycle.stop(sigterm)
        stopped.open()
      },
    }),
  )
  await lifecycle.start()
  await stopped.opened
  expect(report?.steps.find(({ name }) => name === 'kafka-consumer')).toMatchObject({ outcome: 'forced', inFlight: { atForce: 1 } })
  expect(report?.tookMs).toBeLessThan(500 + 1_000 + lateness())
  expect((await look(broker.brokers, groupId, topic)).committed).toBe(0)
})
