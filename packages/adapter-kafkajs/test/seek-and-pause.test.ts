import { Kafka, type Consumer, type EachBatchPayload, type EachMessagePayload } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { sharedBroker, type Broker } from './support/broker.ts'
import { consuming, stepOf, type Consuming, type ConsumingOptions } from './support/consuming.ts'
import { createGate, type Gate } from './support/gate.ts'
import { committedBy, createTopic, kafkaConfig, write } from './support/topic.ts'

// What a handler leaves to a fetch that never comes: a seek, or a partition that it has paused.

let broker: Broker
beforeAll(async () => {
  broker = await sharedBroker()
  return () => broker.stop()
})

/** One that stops at the message with this value until its gate is opened, and then does `act`. */
async function actingAt(value: string, act: (consumer: Consumer, payload: EachMessagePayload) => void, options: Partial<ConsumingOptions> & { concurrently?: number; threshold?: number } = {}) {
  const begun = createGate()
  const gate = createGate()
  const subject = await consuming(broker, {
    ...options,
    run: (consumer) => ({
      partitionsConsumedConcurrently: options.concurrently ?? 1,
      ...(options.threshold === undefined ? {} : { autoCommitThreshold: options.threshold }),
      async eachMessage(payload) {
        if (String(payload.message.value) !== value) return
        begun.open()
        await gate.opened
        act(consumer, payload)
      },
    }),
  })
  return { ...subject, begun: begun.opened, goOn: gate.open }
}

function seekTo(offset: (own: number) => number) {
  return (consumer: Consumer, { topic, partition, message }: EachMessagePayload): void => consumer.seek({ topic, partition, offset: String(offset(Number(message.offset))) })
}

/** Stops it while its handler is at the message, and then lets the handler go on. */
async function stopInHand({ stop, begun, goOn, committed }: Consuming & { begun: Promise<void>; goOn: () => void }): Promise<{ result: string; committed: number[]; done: number | undefined; reasons: readonly string[] | undefined }> {
  await begun
  const stopped = stop()
  goOn()
  const report = await stopped
  const { done, reasons } = stepOf(report)?.work ?? {}
  return { result: report.result, committed: await committed(), done, reasons }
}

describe('a message whose handler seeks while its consumer stops', () => {
  test.each([
    ['back to itself', (own: number) => own, 5, 0],
    ['further back', (own: number) => own - 2, 3, 0],
    ['to the very beginning', () => 0, 0, 0],
    ['forward', (own: number) => own + 3, 8, 1],
  ])('%s: the group goes on where it said, and what comes again is not done', async (_where, offset, expected, done) => {
    const subject = await actingAt('5', seekTo(offset))
    expect(await stopInHand(subject)).toEqual({ result: 'clean', committed: [expected, 0, 0], done, reasons: [`${subject.topic}[0] goes on from offset ${expected}: a seek asked for that`] })
  })

  test('no commit in the middle of the batch goes past it', async () => {
    const subject = await actingAt('5', seekTo((own) => own), { threshold: 1 })
    expect(await stopInHand(subject)).toMatchObject({ result: 'clean', committed: [5, 0, 0] })
  })

  test('no commit of another partition, whose handler ends later, goes past it', async () => {
    const gates = new Map<number, Gate>([0, 1, 2].map((partition) => [partition, createGate()]))
    const begun = new Set<number>()
    const { resource, stop, committed, topic } = await consuming(broker, {
      messages: 9,
      partitions: 3,
      run: (consumer) => ({
        partitionsConsumedConcurrently: 3,
        async eachMessage({ partition, message }) {
          if (message.offset !== '1') return
          begun.add(partition)
          await gates.get(partition)?.opened
          if (partition === 0) consumer.seek({ topic, partition, offset: '0' })
        },
      }),
    })
    await expect.poll(() => begun.size).toBe(3)
    const stopped = stop()
    gates.get(0)?.open()
    await expect.poll(() => resource.inFlight?.()).toBe(2)
    gates.get(1)?.open()
    gates.get(2)?.open()
    expect(await stopped).toMatchObject({ result: 'clean', steps: [{ work: { done: 2 } }] })
    expect(await committed()).toEqual([0, 2, 2])
  })

  test('somebody else seeks back behind it, when it has returned: it is not done', async () => {
    const subject = await actingAt('5', () => {})
    await subject.begun
    const stopping = createGate()
    subject.lifecycle.add({ name: 'rewinder', phase: 'intake', drain: () => stopping.opened }, { needs: [subject.handle] })
    const stopped = subject.stop()
    subject.goOn()
    await expect.poll(() => subject.resource.tally?.().done, { message: 'until somebody seeks' }).toBe(1)
    subject.consumer.seek({ topic: subject.topic, partition: 0, offset: '4' })
    stopping.open()
    expect(stepOf(await stopped)).toMatchObject({ outcome: 'drained', work: { done: 0, failed: 0 } })
    expect(await subject.committed()).toEqual([4, 0, 0])
  })
})

describe('a seek that waits for a fetch when the stop begins', () => {
  test('control: kafkajs commits past it, and stops', async () => {
    const topic = await createTopic(broker.brokers, 0)
    await write(broker.brokers, topic, 10, 1)
    const groupId = randomUUID()
    const consumer = new Kafka(kafkaConfig(broker.brokers)).consumer({ groupId, maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    const stopped = new Promise<void>((resolve) => consumer.on(consumer.events.END_BATCH_PROCESS, () => resolve(consumer.stop())))
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        if (String(message.value) === '5') consumer.seek({ topic, partition, offset: message.offset })
      },
    })
    await stopped
    await consumer.disconnect()
    expect(await committedBy(broker.brokers, groupId, topic)).toEqual([6, 0, 0])
  })

  test('is where the group goes on', async () => {
    const subject = await actingAt('5', seekTo((own) => own))
    const stopped = new Promise((resolve) => subject.consumer.on(subject.consumer.events.END_BATCH_PROCESS, () => resolve(subject.stop())))
    await subject.begun
    subject.goOn()
    expect(await stopped).toMatchObject({ result: 'clean' })
    expect(await subject.committed()).toEqual([5, 0, 0])
  })

  test('asked for outside of handlers, while a handler of another partition runs', async () => {
    const begun = createGate()
    const gate = createGate()
    const { consumer, stop, committed, topic } = await consuming(broker, {
      messages: 9,
      partitions: 3,
      run: () => ({
        partitionsConsumedConcurrently: 3,
        async eachMessage({ partition, message }) {
          if (partition !== 1 || message.offset !== '1') return
          begun.open()
          await gate.opened
        },
      }),
    })
    await begun.opened
    await expect.poll(committed).toEqual([3, expect.any(Number), 3])
    consumer.seek({ topic, partition: 0, offset: '1' })
    const stopped = stop()
    consumer.seek({ topic, partition: 2, offset: '2' })
    gate.open()
    expect((await stopped).result).toBe('clean')
    expect(await committed()).toEqual([1, 2, 2])
  })

  test('asked for when no message has come yet', async () => {
    const { consumer, stop, committed, topic } = await consuming(broker, { messages: 0, run: () => ({ eachMessage: async () => {} }) })
    consumer.seek({ topic, partition: 0, offset: '7' })
    expect((await stop()).result).toBe('clean')
    expect(await committed()).toEqual([7, 0, 0])
  })
})

describe('a batch whose handler seeks', () => {
  async function seekingBatch(how: (payload: EachBatchPayload, seek: (offset: string) => void) => void) {
    const begun = createGate()
    const gate = createGate()
    const subject = await consuming(broker, {
      run: (consumer) => ({
        async eachBatch(payload) {
          begun.open()
          await gate.opened
          const { topic, partition } = payload.batch
          how(payload, (offset) => consumer.seek({ topic, partition, offset }))
        },
      }),
    })
    return { ...subject, begun: begun.opened, goOn: gate.open }
  }

  test.each([
    ['and returns', () => {}],
    ['after it has resolved more', (payload: EachBatchPayload) => payload.resolveOffset(payload.batch.lastOffset())],
  ])('%s while its consumer stops: the group goes on where it said', async (_how, first) => {
    const subject = await seekingBatch((payload, seek) => {
      first(payload)
      seek('4')
    })
    expect(await stopInHand(subject)).toMatchObject({ result: 'clean', committed: [4, 0, 0], done: 0 })
  })

  test('and returns before the stop: nothing of it is resolved by that', async () => {
    const subject = await seekingBatch((_payload, seek) => seek('4'))
    const stopped = new Promise((resolve) => subject.consumer.on(subject.consumer.events.END_BATCH_PROCESS, () => resolve(subject.stop())))
    await subject.begun
    subject.goOn()
    expect(await stopped).toMatchObject({ result: 'clean' })
    expect(await subject.committed()).toEqual([4, 0, 0])
  })
})

describe('a handler that pauses its partition', () => {
  const pauseOwn = (_consumer: Consumer, payload: EachMessagePayload): void => void payload.pause()
  const pauseTopic = (consumer: Consumer, { topic }: EachMessagePayload): void => consumer.pause([{ topic }])

  test.each([
    ['by its payload', pauseOwn],
    ['by the consumer', pauseTopic],
  ])('%s and returns, before the stop: its message comes again, for nobody has said that it is done', async (_how, pause) => {
    const subject = await actingAt('5', pause)
    await subject.begun
    subject.goOn()
    await expect.poll(subject.committed, { message: 'as kafkajs does it' }).toEqual([6, 0, 0])
    const report = await subject.stop()
    expect(report.result).toBe('clean')
    expect(await subject.committed()).toEqual([5, 0, 0])
    expect(stepOf(report)?.work?.reasons).toEqual([`${subject.topic}[0] goes on from offset 5: its handler had paused it, and nobody resumed it`])
  })

  test.each([
    ['by its payload', pauseOwn],
    ['by the consumer', pauseTopic],
  ])('%s and returns, during the stop: its message comes again, and is not done', async (_how, pause) => {
    const subject = await actingAt('5', pause)
    expect(await stopInHand(subject)).toMatchObject({ result: 'clean', committed: [5, 0, 0], done: 0, reasons: [`delivered again: ${subject.topic}[0] offset 5, whose handler paused the partition`] })
  })

  test('and throws: its message comes again', async () => {
    const subject = await actingAt('5', (_consumer, payload) => {
      payload.pause()
      throw new Error('later')
    })
    await subject.begun
    subject.goOn()
    await expect.poll(subject.committed).toEqual([5, 0, 0])
    expect((await subject.stop()).result).toBe('clean')
    expect(await subject.committed()).toEqual([5, 0, 0])
  })

  test('and is done with what it left when it resumes it: nothing comes again', async () => {
    let resume = (): void => {}
    const subject = await actingAt('5', (_consumer, payload) => void (resume = payload.pause()))
    await subject.begun
    subject.goOn()
    await expect.poll(subject.committed).toEqual([6, 0, 0])
    resume()
    await expect.poll(subject.committed).toEqual([10, 0, 0])
    expect((await subject.stop()).result).toBe('clean')
    expect(await subject.committed()).toEqual([10, 0, 0])
  })

  test('comes again also when the handler of another partition is stuck, and the consumer is cut', async () => {
    const stuck = createGate()
    const { stop, committed } = await consuming(broker, {
      messages: 6,
      partitions: 3,
      timeoutMs: 500,
      run: () => ({
        partitionsConsumedConcurrently: 3,
        async eachMessage(payload) {
          const { partition, message } = payload
          if (partition === 0 && message.offset === '1') payload.pause()
          if (partition === 1) await stuck.opened
        },
      }),
    })
    await expect.poll(committed).toEqual([2, 0, 2])
    expect((await stop()).result).toBe('forced')
    expect(await committed()).toEqual([1, 0, 2])
    stuck.open()
  })

  test('of batches: what it has not resolved comes again', async () => {
    const paused = createGate()
    const { stop, committed } = await consuming(broker, {
      run: () => ({
        async eachBatch(payload) {
          payload.resolveOffset('2')
          payload.pause()
          paused.open()
        },
      }),
    })
    await paused.opened
    await expect.poll(committed).toEqual([10, 0, 0])
    expect((await stop()).result).toBe('clean')
    expect(await committed()).toEqual([3, 0, 0])
  })
})

test('after the close: a timer that resumes does not throw, and a seek is refused and counted', async () => {
  const { consumer, stop, resource, topic } = await consuming(broker, { run: () => ({ eachMessage: async () => {} }) })
  await stop()
  consumer.resume([{ topic }])
  consumer.pause([{ topic }])
  expect(() => consumer.seek({ topic, partition: 0, offset: '0' })).toThrow(expect.objectContaining({ code: 'closed', resource: 'kafka-consumer' }))
  expect(resource.tally?.().refused).toBe(1)
})
