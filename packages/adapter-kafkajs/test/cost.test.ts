import { createLifecycle, type Report } from '@lameduck/core'
import { Kafka, type Consumer } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { drainableKafka, kafkaConsumer } from '../src/index.ts'
import { controlOf } from '../src/lib/client-control.ts'
import { startBroker, type Broker } from './support/broker.ts'
import { createGate } from './support/gate.ts'
import { joinAsOther, type Other } from './support/group.ts'
import { createTopic, kafkaConfig, look, write } from './support/topic.ts'

// What it costs to cut a consumer whose handler is stuck: messages that come again, and seconds in which its partitions stand still.

let broker: Broker
beforeAll(async () => {
  broker = await startBroker()
  return () => broker.stop()
})

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const sessionTimeout = 4_000
const drainMs = 700
const doneFirst = 4

interface Stuck {
  readonly topic: string
  readonly groupId: string
  readonly consumer: Consumer
  readonly other: Other
  /** What it has handled, `partition:offset` each, and where it is stuck. */
  readonly done: readonly string[]
  readonly stuckAt: () => string
  readonly stop: () => Promise<Report>
}

/** Two members; one has handled four messages of a batch and does not come to an end with the fifth. */
async function getStuck(how: 'eachMessage' | 'eachBatch'): Promise<Stuck> {
  const topic = await createTopic(broker.brokers, 0)
  const groupId = randomUUID()
  const other = await joinAsOther(broker.brokers, groupId, topic)
  const consumer = drainableKafka(Kafka, kafkaConfig(broker.brokers)).consumer({ groupId, maxWaitTimeInMs: 100, sessionTimeout, heartbeatInterval: 500 })
  const isStuck = createGate()
  const gate = createGate()
  onTestFinished(gate.open)
  const done: string[] = []
  let at = ''
  const handle = async (partition: number, offset: string): Promise<void> => {
    at = `${partition}:${offset}`
    if (done.length === doneFirst) {
      isStuck.open()
      await gate.opened
    }
    done.push(at)
  }
  const common = { topics: [topic], fromBeginning: true, timeoutMs: drainMs }
  const lifecycle = createLifecycle()
  lifecycle.add(
    how === 'eachMessage'
      ? kafkaConsumer(consumer, { ...common, eachMessage: ({ partition, message }) => handle(partition, message.offset) })
      : kafkaConsumer(consumer, {
          ...common,
          async eachBatch(payload) {
            for (const { offset } of payload.batch.messages) {
              await handle(payload.batch.partition, offset)
              payload.resolveOffset(offset)
            }
          },
        }),
  )
  await lifecycle.start()
  await write(broker.brokers, topic, 30)
  await isStuck.opened
  return { topic, groupId, consumer, other, done, stuckAt: () => at, stop: () => lifecycle.stop(sigterm) }
}

function consumerStep(report: Report) {
  return report.steps.find(({ name }) => name === 'kafka-consumer')
}

async function waitForTheRest({ topic, groupId, other }: Stuck): Promise<void> {
  await expect.poll(async () => (await look(broker.brokers, groupId, topic)).committed, { timeout: 10_000 }).toBe(30)
  expect(other.handled.length).toBeLessThanOrEqual(30)
}

describe.each(['eachMessage', 'eachBatch'] as const)('%s, stuck in the middle of a batch', (how) => {
  test('a cut brings back what is in hand and nothing else, and the others take over at once', async () => {
    const stuck = await getStuck(how)
    const report = await stuck.stop()
    const { tookMs } = await stuck.other.takesAll(3)
    expect(tookMs).toBeLessThan(sessionTimeout / 2)
    await waitForTheRest(stuck)
    expect(stuck.done).toHaveLength(doneFirst)
    expect(stuck.other.handled).toContain(stuck.stuckAt())
    expect(stuck.other.handled.filter((each) => stuck.done.includes(each))).toEqual([])

    const [partition, offset] = stuck.stuckAt().split(':')
    const inHand = how === 'eachMessage' ? `offset ${offset}` : `offsets ${offset} to 9`
    expect(consumerStep(report)).toMatchObject({ outcome: 'forced', errors: [], inFlight: { atForce: 1 } })
    expect(consumerStep(report)?.waitingFor).toEqual([
      expect.stringMatching(new RegExp(`^${stuck.topic}\\[${partition}\\] ${inHand} \\d\\.\\d s$`)),
      expect.stringMatching(new RegExp(`^the group ${stuck.groupId}: ${stuck.topic}\\[[\\d,]+\\] stand still for up to 4 s if the broker does not hear that it leaves$`)),
    ])
  })

  test('control: a process that just ends brings back the whole batch, after a session in which nobody has its partitions', async () => {
    const stuck = await getStuck(how)
    // What the broker sees of a process that is killed.
    controlOf(stuck.consumer)?.cut(new Error('killed'))
    const { tookMs } = await stuck.other.takesAll(3)
    expect(tookMs).toBeGreaterThan(sessionTimeout / 2)
    await waitForTheRest(stuck)
    expect(stuck.other.handled).toEqual(expect.arrayContaining([...stuck.done, stuck.stuckAt()]))
  })
})

test('a broker that is frozen at the cut hears of it when it goes on', async () => {
  const stuck = await getStuck('eachMessage')
  await broker.freeze()
  const report = await stuck.stop()
  await broker.thaw()
  const { tookMs } = await stuck.other.takesAll(3)
  expect(tookMs).toBeLessThan(sessionTimeout / 2)
  await waitForTheRest(stuck)
  expect(consumerStep(report)).toMatchObject({ outcome: 'forced', errors: [] })
})
