import { createLifecycle, type Report } from '@lameduck/core'
import { Kafka, type Consumer } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { drainableKafka, kafkaConsumer } from '../src/index.ts'
import { controlOf } from '../src/lib/client-control.ts'
import { sharedBroker, type Broker } from './support/broker.ts'
import { createGate, type Gate } from './support/gate.ts'
import { joinAsOther } from './support/group.ts'
import { watchLateness } from './support/lateness.ts'
import { throughLink } from './support/through-link.ts'
import { createTopic, groupState, kafkaConfig, look, write } from './support/topic.ts'

let broker: Broker
beforeAll(async () => {
  broker = await sharedBroker()
})
afterAll(() => broker.stop())

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const lateness = watchLateness()
const roomy = { graceMs: 30_000, phases: { intake: { reserveMs: 15_000 } } }

function drainable(): Kafka {
  return drainableKafka(Kafka, kafkaConfig(broker.brokers))
}

/** A member of the group that is busy with its first message, so that nobody else can finish joining. */
async function busyMember(groupId: string, topic: string): Promise<{ finish: () => void }> {
  // It learns of the one who joins by the heartbeat after its first message, and leaves the other messages to both.
  const member = new Kafka(kafkaConfig(broker.brokers)).consumer({ groupId, maxWaitTimeInMs: 100, heartbeatInterval: 50 })
  const started = createGate()
  const gate = createGate()
  onTestFinished(async () => {
    gate.open()
    await member.disconnect()
  })
  await member.connect()
  await member.subscribe({ topics: [topic], fromBeginning: true })
  await member.run({
    async eachMessage() {
      started.open()
      await gate.opened
    },
  })
  await started.opened
  return { finish: gate.open }
}

async function untilJoining(groupId: string): Promise<void> {
  await expect.poll(() => groupState(broker.brokers, groupId), { timeout: 10_000, interval: 50 }).toBe('PreparingRebalance')
}

function countJoins(consumer: Consumer): () => number {
  let joins = 0
  consumer.on(consumer.events.GROUP_JOIN, () => joins++)
  return () => joins
}

describe('a stop while the group is being joined', () => {
  test('waits for the join, then leaves without having handled anything', async () => {
    const topic = await createTopic(broker.brokers, 30)
    const groupId = randomUUID()
    const busy = await busyMember(groupId, topic)
    const consumer = drainable().consumer({ groupId, maxWaitTimeInMs: 100 })
    const joins = countJoins(consumer)
    let handled = 0
    const lifecycle = createLifecycle({ policy: roomy })
    lifecycle.add(kafkaConsumer(consumer, { topics: [topic], fromBeginning: true, eachMessage: async () => void handled++ }))
    const starting = lifecycle.start().catch((error: unknown) => error)
    await untilJoining(groupId)
    const stopped = lifecycle.stop(sigterm)
    await sleep(300)
    expect(joins(), 'it must still be joining').toBe(0)
    busy.finish()
    const report = await stopped
    await starting
    expect(report.steps.find((step) => step.name === 'kafka-consumer')).toMatchObject({ outcome: 'idle', errors: [] })
    expect(joins()).toBe(1)
    expect(controlOf(consumer)?.openSockets()).toBe(0)
    await expect.poll(async () => (await look(broker.brokers, groupId, topic)).members, { timeout: 15_000 }).toBe(1)
    expect(handled).toBe(0)
  })

  test('is let go when the join takes too long, and never becomes a member', async () => {
    const topic = await createTopic(broker.brokers, 30)
    const groupId = randomUUID()
    const busy = await busyMember(groupId, topic)
    const consumer = drainable().consumer({ groupId, maxWaitTimeInMs: 100, sessionTimeout: 6_000 })
    const joins = countJoins(consumer)
    let handled = 0
    const lifecycle = createLifecycle({ policy: roomy })
    const resource = kafkaConsumer(consumer, { topics: [topic], timeoutMs: 300, fromBeginning: true, eachMessage: async () => void handled++ })
    lifecycle.add(resource)
    const starting = lifecycle.start().catch((error: unknown) => error)
    await untilJoining(groupId)
    const report = await lifecycle.stop(sigterm)
    expect(report.steps.find((step) => step.name === 'kafka-consumer')).toMatchObject({
      outcome: 'skipped',
      errors: [],
    })
    expect(resource.tally?.().reasons).toEqual(['the join of the group: what it would be given stands still for up to 6 s'])
    expect(report.result).toBe('clean')
    expect(report.tookMs).toBeLessThan(300 + 1_000 + lateness())
    expect(controlOf(consumer)?.openSockets()).toBe(0)
    busy.finish()
    await starting
    await sleep(2_000)
    expect({ joins: joins(), handled }).toEqual({ joins: 0, handled: 0 })
  })

  test('control: the plain stop() resolves at once, and the consumer consumes afterwards', async () => {
    const topic = await createTopic(broker.brokers, 30)
    const groupId = randomUUID()
    const busy = await busyMember(groupId, topic)
    const consumer = drainable().consumer({ groupId, maxWaitTimeInMs: 100 })
    onTestFinished(() => controlOf(consumer)?.cut(new Error('the test is over')))
    const first = createGate()
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    const running = consumer.run({ eachMessage: async () => first.open() })
    await untilJoining(groupId)
    await consumer.stop()
    busy.finish()
    await running
    await first.opened
  })
})

describe('manual commits while stopping', () => {
  test('control: kafkajs drops a commit of a consumer that was told to stop', async () => {
    const topic = await createTopic(broker.brokers, 3)
    const groupId = randomUUID()
    const consumer = new Kafka(kafkaConfig(broker.brokers)).consumer({ groupId, maxWaitTimeInMs: 100 })
    const begun = createGate()
    const stopping = createGate()
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      async eachMessage({ partition, message }) {
        begun.open()
        await stopping.opened
        await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
      },
    })
    await begun.opened
    const stopped = consumer.stop()
    stopping.open()
    await stopped
    await consumer.disconnect()
    expect((await look(broker.brokers, groupId, topic)).committed).toBe(0)
  })

  test('a message that was fetched for another partition does not begin any more', async () => {
    const topic = await createTopic(broker.brokers, 3)
    const groupId = randomUUID()
    const consumer = drainable().consumer({ groupId, maxWaitTimeInMs: 100 })
    const begun: { partition: number; gate: Gate }[] = []
    const lifecycle = createLifecycle({ policy: roomy })
    const resource = kafkaConsumer(consumer, {
      topics: [topic],
      fromBeginning: true,
      autoCommit: false,
      partitionsConsumedConcurrently: 2,
      async eachMessage({ partition, message }) {
        const gate = createGate()
        begun.push({ partition, gate })
        await gate.opened
        await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
      },
    })
    lifecycle.add(resource)
    await lifecycle.start()
    await expect.poll(() => begun.length).toBe(2)
    const stopped = lifecycle.stop(sigterm)
    begun[0]?.gate.open()
    await expect.poll(() => resource.inFlight?.()).toBe(1)
    begun[1]?.gate.open()
    expect((await stopped).result).toBe('clean')
    expect(begun).toHaveLength(2)
    expect((await look(broker.brokers, groupId, topic)).committed).toBe(2)
  })

  test('the resource keeps the consumer running until the handler has committed', async () => {
    const topic = await createTopic(broker.brokers, 3)
    const groupId = randomUUID()
    const consumer = drainable().consumer({ groupId, maxWaitTimeInMs: 100 })
    const begun = createGate()
    const stopping = createGate()
    let handled = 0
    const lifecycle = createLifecycle({ policy: roomy })
    lifecycle.add(
      kafkaConsumer(consumer, {
        topics: [topic],
        fromBeginning: true,
        autoCommit: false,
        async eachMessage({ partition, message }) {
          begun.open()
          await stopping.opened
          handled++
          await consumer.commitOffsets([{ topic, partition, offset: String(Number(message.offset) + 1) }])
        },
      }),
    )
    await lifecycle.start()
    await begun.opened
    const stopped = lifecycle.stop(sigterm)
    stopping.open()
    const report = await stopped
    expect(report.steps.find((step) => step.name === 'kafka-consumer')).toMatchObject({ outcome: 'drained', inFlight: { atStop: 1 } })
    expect(handled).toBe(1)
    expect((await look(broker.brokers, groupId, topic)).committed).toBe(1)
  })
})

describe('eachBatch that resolves automatically and leaves early', () => {
  const leaveEarly = async (consume: (topic: string, groupId: string, begun: () => void, asked: Promise<void>) => Promise<() => Promise<void>>) => {
    const topic = await createTopic(broker.brokers, 90)
    const groupId = randomUUID()
    const begun = createGate()
    const asked = createGate()
    const stop = await consume(topic, groupId, begun.open, asked.opened)
    await begun.opened
    const stopped = stop()
    asked.open()
    await stopped
    return (await look(broker.brokers, groupId, topic)).committed
  }

  test('control: kafkajs commits the whole batch, of which one message was handled', async () => {
    const committed = await leaveEarly(async (topic, groupId, begun, asked) => {
      const consumer = new Kafka(kafkaConfig(broker.brokers)).consumer({ groupId, maxWaitTimeInMs: 100 })
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({
        async eachBatch(payload) {
          const { batch } = payload
          for (const message of batch.messages) {
            if (!payload.isRunning()) break
            begun()
            await asked
            payload.resolveOffset(message.offset)
          }
        },
      })
      return () => consumer.disconnect()
    })
    expect(committed).toBe(30)
  })

  test('the resource commits what the handler resolved', async () => {
    const committed = await leaveEarly(async (topic, groupId, begun, asked) => {
      const lifecycle = createLifecycle({ policy: roomy })
      lifecycle.add(
        kafkaConsumer(drainable().consumer({ groupId, maxWaitTimeInMs: 100 }), {
          topics: [topic],
          fromBeginning: true,
          async eachBatch(payload) {
            const { batch } = payload
            for (const message of batch.messages) {
              if (!payload.isRunning()) break
              begun()
              await asked
              payload.resolveOffset(message.offset)
            }
          },
        }),
      )
      await lifecycle.start()
      return async () => void (await lifecycle.stop(sigterm))
    })
    expect(committed).toBe(1)
  })
})

describe('a message that was handled, and whose commit nobody confirms: the stop has failed, and says which comes again', () => {
  function expectUncommitted(report: Report, at: string): void {
    expect(report.result).toBe('failed')
    expect(report.steps.find(({ name }) => name === 'kafka-consumer')).toMatchObject({
      outcome: 'failed',
      errors: ['the broker confirmed no commit of what was handled: it comes again'],
      waitingFor: [`the commit of ${at}`],
    })
  }

  test.each(['while its handler runs', 'and its consumer waits after the crash to begin anew'])('when the broker is gone %s', async (when) => {
    const topic = await createTopic(broker.brokers, 1)
    const groupId = randomUUID()
    const { link, kafka } = await throughLink(broker, { retry: { retries: 1, initialRetryTime: 100 } })
    onTestFinished(() => link.close())
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, retry: { retries: 1, initialRetryTime: 2_000 } })
    const crashed = new Promise((resolve) => consumer.on(consumer.events.CRASH, resolve))
    const begun = createGate()
    const gate = createGate()
    let at = ''
    const lifecycle = createLifecycle({ policy: roomy })
    lifecycle.add(
      kafkaConsumer(consumer, {
        topics: [topic],
        fromBeginning: true,
        async eachMessage({ partition, message }) {
          at = `${topic}[${partition}] offset ${message.offset}`
          begun.open()
          await gate.opened
        },
      }),
    )
    await lifecycle.start()
    await begun.opened
    await link.kill()
    let stopped: Promise<Report>
    if (when === 'while its handler runs') {
      stopped = lifecycle.stop(sigterm)
      gate.open()
    } else {
      gate.open()
      await crashed
      stopped = lifecycle.stop(sigterm)
    }
    expectUncommitted(await stopped, at)
    expect((await look(broker.brokers, groupId, topic)).committed).toBe(0)
  })

  test('when the group has given it to another member before the stop', async () => {
    const topic = await createTopic(broker.brokers, 0)
    const groupId = randomUUID()
    const other = await joinAsOther(broker.brokers, groupId, topic)
    const consumer = drainable().consumer({ groupId, maxWaitTimeInMs: 100, sessionTimeout: 1_500, heartbeatInterval: 300 })
    const begun = createGate()
    const gate = createGate()
    let at = ''
    let slow = ''
    const lifecycle = createLifecycle({ policy: roomy })
    lifecycle.add(
      kafkaConsumer(consumer, {
        topics: [topic],
        fromBeginning: true,
        async eachMessage({ partition, message }) {
          at = `${topic}[${partition}] offset ${message.offset}`
          slow = `${partition}:${message.offset}`
          begun.open()
          await gate.opened
        },
      }),
    )
    await lifecycle.start()
    await write(broker.brokers, topic, 30)
    await begun.opened
    await expect.poll(() => other.handled, { timeout: 10_000 }).toContain(slow)
    const stopped = lifecycle.stop(sigterm)
    gate.open()
    expectUncommitted(await stopped, at)
  })
})

test.each([false, true])('a batch whose handler commits it by itself leaves clean (autoCommit: %s)', async (autoCommit) => {
  const topic = await createTopic(broker.brokers, 3)
  const groupId = randomUUID()
  const begun = createGate()
  const stopping = createGate()
  const lifecycle = createLifecycle({ policy: roomy })
  lifecycle.add(
    kafkaConsumer(drainable().consumer({ groupId, maxWaitTimeInMs: 100 }), {
      topics: [topic],
      fromBeginning: true,
      autoCommit,
      async eachBatch(payload) {
        begun.open()
        await stopping.opened
        for (const { offset } of payload.batch.messages) payload.resolveOffset(offset)
        await payload.commitOffsetsIfNecessary(payload.uncommittedOffsets())
      },
    }),
  )
  await lifecycle.start()
  await begun.opened
  const stopped = lifecycle.stop(sigterm)
  stopping.open()
  expect((await stopped).steps).toMatchObject([{ outcome: 'drained', errors: [] }])
  expect((await look(broker.brokers, groupId, topic)).committed).toBe(1)
})

test('counts the handlers that run, and names what they are at', async () => {
  const topic = await createTopic(broker.brokers, 3)
  const gates = [createGate(), createGate(), createGate()]
  const resource = kafkaConsumer(drainable().consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 }), {
    topics: [topic],
    fromBeginning: true,
    partitionsConsumedConcurrently: 3,
    eachMessage: async ({ partition }) => gates[partition]?.opened,
  })
  const lifecycle = createLifecycle({ policy: roomy })
  lifecycle.add(resource)
  expect(resource.inFlight?.()).toBe(0)
  await lifecycle.start()
  for (const expected of [3, 2, 1, 0]) {
    await expect.poll(() => resource.inFlight?.()).toBe(expected)
    expect(resource.waitingFor?.()).toHaveLength(expected)
    gates[3 - expected]?.open()
  }
  expect((await lifecycle.stop(sigterm)).result).toBe('clean')
})

test('an idle consumer leaves as soon as its fetch returns', async () => {
  const topic = await createTopic(broker.brokers, 3)
  const lifecycle = createLifecycle({ policy: roomy })
  lifecycle.add(kafkaConsumer(drainable().consumer({ groupId: randomUUID() }), { topics: [topic], eachMessage: async () => {} }))
  await lifecycle.start()
  const report = await lifecycle.stop(sigterm)
  expect(report.steps.find((step) => step.name === 'kafka-consumer')?.outcome).toBe('idle')
  expect(report.tookMs).toBeLessThan(1_000 + 1_000 + lateness())
})

describe('start', () => {
  test('resolves when the group is joined, and the check passes from then until the stop', async () => {
    const topic = await createTopic(broker.brokers, 3)
    const resource = kafkaConsumer(drainable().consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100 }), { topics: [topic], eachMessage: async () => {} })
    expect(() => resource.check?.({ signal: new AbortController().signal })).toThrow('not a member of its group (none)')
    const lifecycle = createLifecycle({ policy: roomy })
    lifecycle.add(resource)
    await lifecycle.start()
    expect(await lifecycle.check()).toMatchObject([{ name: 'kafka-consumer', ok: true }])
    await lifecycle.stop(sigterm)
  })

  test('rejects with what failed, and leaves no socket open', async () => {
    const consumer = drainable().consumer({ groupId: randomUUID() })
    const lifecycle = createLifecycle({ policy: roomy })
    lifecycle.add(kafkaConsumer(consumer, { topics: ['no such topic'], eachMessage: async () => {} }))
    await expect(lifecycle.start()).rejects.toThrow('kafka-consumer could not start')
    await expect.poll(() => controlOf(consumer)?.openSockets()).toBe(0)
  })
})
