import { createLifecycle, type Report } from '@lameduck/core'
import { Kafka, Partitioners, type Consumer, type ConsumerCrashEvent, type Producer } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { drainableKafka, kafkaConsumer, kafkaProducer } from '../src/index.ts'
import { controlOf } from '../src/lib/client-control.ts'
import { startBroker, type Broker } from './support/broker.ts'
import { createGate } from './support/gate.ts'
import { createTopic, kafkaConfig } from './support/topic.ts'

let broker: Broker
beforeEach(async () => {
  broker = await startBroker()
  return () => broker.stop()
})

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const drainMs = 400
const forcedWithinMs = 1_000
const silenceMs = 10_000

/** Everything that a client does that was cut and is alive all the same. */
function watchLife(consumer: Consumer): string[] {
  const life: string[] = []
  const { CONNECT, GROUP_JOIN, FETCH_START, HEARTBEAT, CRASH } = consumer.events
  consumer.on(CONNECT, () => life.push('connects'))
  consumer.on(GROUP_JOIN, () => life.push('joins'))
  consumer.on(FETCH_START, () => life.push('fetches'))
  consumer.on(HEARTBEAT, () => life.push('heartbeats'))
  consumer.on(CRASH, ({ payload }: ConsumerCrashEvent) => life.push(`crashes, restart: ${payload.restart}: ${payload.error.message}`))
  return life
}

interface Member {
  readonly consumer: Consumer
  readonly life: string[]
  readonly handled: () => number
  readonly finish: () => void
  readonly stop: () => Promise<Report>
}

/** A consumer in its first message, or at rest where there is none. */
async function member(kafka: Kafka, topic: string, how: 'busy' | 'idle', autoCommit: boolean): Promise<Member> {
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100, retry: { retries: 5 } })
  const life = watchLife(consumer)
  const begun = createGate()
  const gate = createGate()
  let handled = 0
  const lifecycle = createLifecycle()
  lifecycle.add(
    kafkaConsumer(consumer, {
      topics: [topic],
      timeoutMs: drainMs,
      fromBeginning: how === 'busy',
      autoCommit,
      async eachMessage() {
        handled++
        begun.open()
        await gate.opened
      },
    }),
  )
  await lifecycle.start()
  if (how === 'busy') await begun.opened
  return { consumer, life, handled: () => handled, finish: gate.open, stop: () => lifecycle.stop(sigterm) }
}

function sender(kafka: Kafka): Producer {
  return kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
}

/** How many sockets this process has: the clients' and whatever else is open. */
function countSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
}

function expectForced(report: Report, step: string): void {
  const found = report.steps.find(({ name }) => name === step)
  expect(found?.outcome).toBe('forced')
  expect(found?.errors).toEqual([])
  expect((found?.finishedMs ?? Infinity) - (found?.deadlineMs ?? 0)).toBeLessThan(forcedWithinMs)
}

describe('clients that drainableKafka made are gone within a second of their deadline, and silent after', () => {
  let opened: string[]

  async function allOfThem(): Promise<{ members: Member[]; stopAll: () => Promise<Report[]> }> {
    const topic = await createTopic(broker.brokers, 30)
    opened = []
    const kafka = drainableKafka(Kafka, {
      ...kafkaConfig(broker.brokers),
      socketFactory({ host, port, onConnect }) {
        opened.push(`${host}:${port}`)
        return connect({ host, port }, onConnect)
      },
    })
    const members = await Promise.all([
      member(kafka, topic, 'busy', true),
      member(kafka, topic, 'busy', false),
      member(kafka, topic, 'idle', true),
      member(kafka, topic, 'idle', false),
    ])
    return { members, stopAll: () => Promise.all(members.map(({ stop }) => stop())) }
  }

  async function expectSilence(members: Member[]): Promise<void> {
    expect(members.map(({ consumer }) => controlOf(consumer)?.openSockets())).toEqual([0, 0, 0, 0])
    for (const { life } of members) life.length = 0
    opened = []
    const handledAtCut = members.map(({ handled }) => handled())
    for (const { finish } of members) finish()
    await sleep(silenceMs)
    expect(members.map(({ life }) => life)).toEqual([[], [], [], []])
    expect(members.map(({ handled }) => handled())).toEqual(handledAtCut)
    expect(opened).toEqual([])
    expect(countSockets()).toBe(0)
  }

  test('when the broker is frozen, which then goes on', async () => {
    const { members, stopAll } = await allOfThem()
    await broker.freeze()
    const reports = await stopAll()
    for (const report of reports) expectForced(report, 'kafka-consumer')
    await broker.thaw()
    await expectSilence(members)
  })

  test('when the broker is frozen in the middle of the drain', async () => {
    const { members, stopAll } = await allOfThem()
    const stopping = stopAll()
    await broker.freeze()
    for (const report of await stopping) expectForced(report, 'kafka-consumer')
    await broker.thaw()
    await expectSilence(members)
  })

  test('when the broker is killed in the middle of the drain', async () => {
    const { members, stopAll } = await allOfThem()
    const stopping = stopAll()
    await broker.kill()
    const reports = await stopping
    // The busy ones wait for their handlers; the idle ones may notice that nobody is there, and be done.
    for (const report of reports.slice(0, 2)) expectForced(report, 'kafka-consumer')
    for (const report of reports) expect(report.tookMs).toBeLessThan(drainMs + forcedWithinMs)
    await expectSilence(members)
  })

  test('a producer with 200 sends to a frozen broker: every send is answered', async () => {
    const topic = await createTopic(broker.brokers, 0)
    const producer = sender(drainableKafka(Kafka, kafkaConfig(broker.brokers)))
    const lifecycle = createLifecycle()
    lifecycle.add(kafkaProducer(producer, { timeoutMs: drainMs }))
    await lifecycle.start()
    await producer.send({ topic, messages: [{ value: 'first' }] })
    await broker.freeze()
    const sends = Array.from({ length: 200 }, (_, n) => producer.send({ topic, messages: [{ value: String(n) }] }))
    const settled = Promise.allSettled(sends)
    const report = await lifecycle.stop(sigterm)
    expectForced(report, 'kafka-producer')
    expect(report.steps.find(({ name }) => name === 'kafka-producer')?.inFlight.atForce).toBe(200)
    const results = await settled
    expect(new Set(results.map((result) => (result.status === 'rejected' ? String(result.reason) : result.status)))).toEqual(
      new Set(['Error: kafka-producer was cut: its deadline has passed; whether the broker has this is not known']),
    )
    expect(controlOf(producer)?.openSockets()).toBe(0)
  })
})

describe('without drainableKafka', () => {
  test('control: the socket of a consumer that was cut stays open', async () => {
    const topic = await createTopic(broker.brokers, 3)
    const { stop, finish } = await member(new Kafka(kafkaConfig(broker.brokers)), topic, 'busy', true)
    await broker.freeze()
    expectForced(await stop(), 'kafka-consumer')
    expect(countSockets()).toBeGreaterThan(0)
    finish()
    await broker.thaw()
    await expect.poll(countSockets, { timeout: 15_000 }).toBe(0)
  })

  const impatient = (): Kafka => new Kafka({ ...kafkaConfig(broker.brokers), retry: { retries: 1, initialRetryTime: 100 } })
  const crashOf = (consumer: Consumer): Promise<boolean> =>
    new Promise((resolve) => consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.restart)))

  test('a consumer that crashed before it was stopped does not come back', async () => {
    const topic = await createTopic(broker.brokers, 3)
    const { consumer, life, stop, finish } = await member(impatient(), topic, 'busy', true)
    const crashed = crashOf(consumer)
    await broker.kill()
    finish()
    expect(await crashed, 'kafkajs wants to start it again').toBe(true)
    await stop()
    life.length = 0
    await sleep(3_000)
    expect(life).toEqual([])
  })

  test('a consumer that crashes while it is stopped does not come back', async () => {
    const topic = await createTopic(broker.brokers, 3)
    const { consumer, life, stop, finish } = await member(impatient(), topic, 'busy', true)
    const crashed = crashOf(consumer)
    const stopping = stop()
    await broker.kill()
    finish()
    expect(await crashed, 'kafkajs wants to start it again').toBe(true)
    await stopping
    life.length = 0
    await sleep(3_000)
    expect(life).toEqual([])
  })
})
