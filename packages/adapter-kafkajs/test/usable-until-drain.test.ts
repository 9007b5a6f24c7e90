import type { Handle, Lifecycle } from '@lameduck/core'
import type { Consumer, ConsumerConfig } from 'kafkajs'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { sharedBroker, type Broker } from './support/broker.ts'
import { consuming, stepOf, type Consuming } from './support/consuming.ts'
import { createGate } from './support/gate.ts'
import { joinAsOther } from './support/group.ts'
import { look } from './support/topic.ts'

// A consumer that others need while they stop: they commit by hand what was collected over several messages.

let broker: Broker
beforeAll(async () => {
  broker = await sharedBroker()
  return () => broker.stop()
})

const inBuffer = 10

interface Buffering {
  readonly service: Consuming
  /** Resolves when all messages are in the buffer, and none is committed. */
  readonly isFull: Promise<void>
  readonly flush: () => Promise<void>
}

/** Collects all messages, and commits none before `addBuffer` has its buffer flushed. */
async function buffering(settings: Partial<ConsumerConfig>, autoCommit: boolean, addBuffer: (lifecycle: Lifecycle, consumer: Handle, flush: () => Promise<void>) => void): Promise<Buffering> {
  const full = createGate()
  let last = ''
  let flush = async (): Promise<void> => {}
  const service = await consuming(broker, {
    messages: inBuffer,
    settings,
    run: (consumer, topic) => {
      flush = () => consumer.commitOffsets([{ topic, partition: 0, offset: String(Number(last) + 1) }])
      return {
        autoCommit,
        async eachMessage({ message }) {
          last = message.offset
          if (Number(last) === inBuffer - 1) full.open()
        },
      }
    },
    also: (lifecycle, { handle }) => addBuffer(lifecycle, handle, () => flush()),
  })
  return { service, isFull: full.opened, flush }
}

describe('a buffer that needs the consumer', () => {
  test.each([
    ['in its drain', {}],
    ['in a drain that begins at the signal', { drainFrom: 'signal' as const }],
    ['at the signal, and is awaited by its drain', { quiesce: true }],
  ])('is committed %s', async (_when, { quiesce, ...members }: { quiesce?: boolean; drainFrom?: 'signal' }) => {
    const { service, isFull } = await buffering({}, false, (lifecycle, consumer, flush) => {
      let flushing: Promise<void> | undefined
      const begin = (): Promise<void> => (flushing ??= flush())
      lifecycle.add({ name: 'buffer', phase: 'intake', ...members, ...(quiesce ? { quiesce: () => void begin() } : {}), drain: begin }, { needs: [consumer] })
    })
    await isFull
    const report = await service.stop()
    expect(report.result).toBe('clean')
    expect(stepOf(report)).toMatchObject({ outcome: 'drained', work: { failed: 0, refused: 0 } })
    expect(await service.committed()).toEqual([inBuffer, 0, 0])
    expect((await look(broker.brokers, service.groupId, service.topic)).members).toBe(0)
  })

  const session = { sessionTimeout: 1_500, heartbeatInterval: 300 }

  test('may take longer than a session: the consumer stays a member', async () => {
    const { service, isFull } = await buffering(session, false, (lifecycle, consumer, flush) => {
      lifecycle.add({ name: 'buffer', phase: 'intake', drain: async () => { await sleep(3_500); await flush() } }, { needs: [consumer] })
    })
    await isFull
    const report = await service.stop()
    expect(report.steps).toMatchObject([{ name: 'buffer', outcome: 'drained' }, { name: 'kafka-consumer', outcome: 'drained', errors: [] }])
    expect(await service.committed()).toEqual([inBuffer, 0, 0])
  })

  test('may take longer than a session, and the consumer has had no message yet', async () => {
    let flush = async (): Promise<void> => {}
    const service = await consuming(broker, {
      messages: 0,
      settings: session,
      run: (consumer, topic) => {
        flush = () => consumer.commitOffsets([{ topic, partition: 0, offset: '3' }])
        return { autoCommit: false, eachMessage: async () => {} }
      },
      also: (lifecycle, { handle }) => lifecycle.add({ name: 'buffer', phase: 'intake', drain: async () => { await sleep(3_500); await flush() } }, { needs: [handle] }),
    })
    expect((await service.stop()).result).toBe('clean')
    expect(await service.committed()).toEqual([3, 0, 0])
  })

  test('is not handled by another member that comes meanwhile', async () => {
    const going = createGate()
    const { service, isFull } = await buffering({ heartbeatInterval: 100 }, false, (lifecycle, consumer, flush) => {
      lifecycle.add({ name: 'buffer', phase: 'intake', drain: async () => { await going.opened; await flush() } }, { needs: [consumer] })
    })
    await isFull
    const stopped = service.stop()
    const joining = joinAsOther(broker.brokers, service.groupId, service.topic)
    await expect.poll(async () => (await look(broker.brokers, service.groupId, service.topic)).members).toBe(2)
    going.open()
    expect((await stopped).result).toBe('clean')
    const other = await joining
    await other.takesAll(3)
    await sleep(500)
    expect(other.handled).toEqual([])
  })

  test('that commits while handlers commit by themselves, too', async () => {
    const { service, isFull } = await buffering({}, true, (lifecycle, consumer, flush) => {
      lifecycle.add({ name: 'buffer', phase: 'intake', drain: flush }, { needs: [consumer] })
    })
    await isFull
    expect((await service.stop()).result).toBe('clean')
    expect(await service.committed()).toEqual([inBuffer, 0, 0])
  })
})

describe('a commit that does nothing rejects', () => {
  const commit = (consumer: Consumer, topic: string) => consumer.commitOffsets([{ topic, partition: 0, offset: '1' }])

  test('after the close, and is counted', async () => {
    const { consumer, topic, resource, stop } = await consuming(broker, { run: () => ({ autoCommit: false, eachMessage: async () => {} }) })
    await stop()
    await expect(commit(consumer, topic)).rejects.toMatchObject({ code: 'closed', resource: 'kafka-consumer' })
    await expect(consumer.describeGroup()).rejects.toMatchObject({ code: 'closed' })
    expect(resource.tally?.()).toMatchObject({ refused: 2, reasons: [expect.stringMatching(/^the commit of .+\[0\] up to 1: refused$/), expect.any(String)] })
  })

  test('when somebody else has stopped the consumer, which makes kafkajs drop it without a word', async () => {
    const begun = createGate()
    const gate = createGate()
    const { consumer, topic, committed, stop } = await consuming(broker, {
      run: () => ({
        autoCommit: false,
        async eachMessage() {
          begun.open()
          await gate.opened
        },
      }),
    })
    await begun.opened
    const stopped = consumer.stop()
    await expect(commit(consumer, topic)).rejects.toThrow('kafka-consumer is not running: nothing was committed')
    gate.open()
    await stopped
    expect(await committed()).toEqual([0, 0, 0])
    await stop()
  })
})
