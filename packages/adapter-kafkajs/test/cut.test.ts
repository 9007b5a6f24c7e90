import { createLifecycle, type Report } from '@lameduck/core'
import { Kafka, Partitioners, type Consumer, type ConsumerCrashEvent, type KafkaConfig, type RetryOptions } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { drainableKafka, kafkaAdmin, kafkaConsumer, kafkaProducer } from '../src/index.ts'
import { controlOf } from '../src/lib/client-control.ts'
import { sharedBroker, type Broker } from './support/broker.ts'
import { createGate, type Gate } from './support/gate.ts'
import { watchLateness } from './support/lateness.ts'
import { linkedBroker, type LinkedBroker } from './support/through-link.ts'
import { createTopic, kafkaConfig } from './support/topic.ts'

let real: Broker
beforeAll(async () => {
  real = await sharedBroker()
  return () => real.stop()
})

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const drainMs = 400
/** Of one that has nothing in hand, and so does not need it. */
const roomyMs = 10_000
/** With its broker: `maxWaitTimeInMs` and half a second. */
const patienceMs = 600
const forcedWithinMs = 1_000
const silenceMs = 10_000
const lateness = watchLateness()

/** One of its own for each test, since most of them run beside each other. */
async function ownBroker({ onTestFinished }: TestContext): Promise<LinkedBroker> {
  const broker = await linkedBroker(real)
  onTestFinished(() => broker.close())
  return broker
}

/** Everything that a client does that was cut and is alive all the same. */
function watchLife(consumer: Consumer): string[] {
  const life: string[] = []
  const { CONNECT, GROUP_JOIN, FETCH_START, HEARTBEAT, CRASH } = consumer.events
  consumer.on(CONNECT, () => life.push('connects'))
  consumer.on(GROUP_JOIN, () => life.push('joins'))
  consumer.on(FETCH_START, () => life.push('fetches'))
  consumer.on(HEARTBEAT, () => life.push('heartbeats'))
  // Without a restart it is the end of what was under way.
  consumer.on(CRASH, ({ payload }: ConsumerCrashEvent) => payload.restart && life.push(`crashes, to begin anew: ${payload.error.message}`))
  return life
}

interface Member {
  readonly consumer: Consumer
  readonly life: string[]
  readonly handled: () => number
  readonly inFlight: () => number | undefined
  readonly finish: () => void
  readonly stop: () => Promise<Report>
}

interface MemberOptions {
  readonly how: 'busy' | 'idle'
  readonly timeoutMs?: number
  readonly autoCommit?: boolean
  readonly groupId?: string
  readonly retries?: number
  readonly heartbeatInterval?: number
}

/** A consumer in its first message, or at rest where there is none. */
async function member(kafka: Kafka, topic: string, { how, autoCommit = true, groupId = randomUUID(), retries = 5, heartbeatInterval = 3_000, timeoutMs = drainMs }: MemberOptions): Promise<Member> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, heartbeatInterval, retry: { retries, initialRetryTime: 300 } })
  const life = watchLife(consumer)
  const begun = createGate()
  const gate = createGate()
  let handled = 0
  const resource = kafkaConsumer(consumer, {
    topics: [topic],
    timeoutMs,
    fromBeginning: how === 'busy',
    autoCommit,
    async eachMessage() {
      handled++
      begun.open()
      await gate.opened
    },
  })
  const lifecycle = createLifecycle()
  lifecycle.add(resource)
  await lifecycle.start()
  if (how === 'busy') await begun.opened
  return { consumer, life, handled: () => handled, inFlight: () => resource.inFlight?.(), finish: gate.open, stop: () => lifecycle.stop(sigterm) }
}

/** Plain clients that give up soon; `lost` resolves when they know that the broker is gone: a request in that moment would be tried again, and then no crash comes of it. */
function impatientKafka(broker: LinkedBroker): { kafka: Kafka; lost: () => Promise<unknown> } {
  const closed: Promise<unknown>[] = []
  const kafka = new Kafka({
    ...kafkaConfig(broker.brokers),
    retry: { retries: 1, initialRetryTime: 100 },
    socketFactory({ onConnect }) {
      const socket = broker.connect(onConnect)
      closed.push(new Promise((resolve) => socket.once('close', resolve)))
      return socket
    },
  })
  return { kafka, lost: () => Promise.all(closed) }
}

function plainConfig(broker: LinkedBroker): KafkaConfig {
  return { ...kafkaConfig(broker.brokers), socketFactory: ({ onConnect }) => broker.connect(onConnect) }
}

/** How many sockets this process has: the clients' and whatever else is open. */
function countSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
}

function expectForced(report: Report, step: string): void {
  const found = report.steps.find(({ name }) => name === step)
  expect(found?.outcome).toBe('forced')
  expect(found?.errors).toEqual([])
  expect((found?.finishedMs ?? Infinity) - (found?.deadlineMs ?? 0)).toBeLessThan(forcedWithinMs + lateness())
}

/** Nothing was in hand, so it was no loss to let go; the report says what that may cost the others. */
function expectLetGo(report: Report): void {
  const step = report.steps.find(({ name }) => name === 'kafka-consumer')
  expect(step).toMatchObject({ outcome: 'idle', errors: [], work: { cut: 0, failed: 0, reasons: [expect.stringMatching(/^the group .+ stand still for up to 30 s if the broker does not hear that it leaves$/)] } })
  expect(report.tookMs).toBeLessThan(patienceMs + forcedWithinMs + lateness())
}

/** Its clients, and the places to which they have connected since it was last emptied. */
function watchedKafka(broker: LinkedBroker, retry?: RetryOptions): { kafka: Kafka; opened: string[] } {
  const opened: string[] = []
  const config = kafkaConfig(broker.brokers)
  const kafka = drainableKafka(Kafka, {
    ...config,
    retry: retry ?? config.retry ?? {},
    socketFactory({ host, port, onConnect }) {
      opened.push(`${host}:${port}`)
      return broker.connect(onConnect)
    },
  })
  return { kafka, opened }
}

async function expectSilence(members: readonly Member[], opened: string[]): Promise<void> {
  const none = members.map(() => 0)
  expect(members.map(({ consumer }) => controlOf(consumer)?.openSockets())).toEqual(none)
  for (const { life } of members) life.length = 0
  opened.length = 0
  const handledAtCut = members.map(({ handled }) => handled())
  for (const { finish } of members) finish()
  await sleep(silenceMs)
  expect(members.flatMap(({ life }) => life)).toEqual([])
  expect(members.map(({ handled }) => handled())).toEqual(handledAtCut)
  expect(opened).toEqual([])
}

// Beside each other, for most of their time is silence.
describe.concurrent('clients that drainableKafka made are gone within a second of their deadline, and silent after', { timeout: 90_000 }, () => {
  /** Busy and idle ones, of either kind of commits. */
  function allKinds(kafka: Kafka, topic: string, idleMs: number): Promise<Member[]> {
    return Promise.all([
      member(kafka, topic, { how: 'busy' }),
      member(kafka, topic, { how: 'busy', autoCommit: false }),
      member(kafka, topic, { how: 'idle', timeoutMs: idleMs }),
      member(kafka, topic, { how: 'idle', timeoutMs: idleMs, autoCommit: false }),
    ])
  }

  test('when the broker is frozen, before the stop or in the middle of the drain, and then goes on', async (context) => {
    const broker = await ownBroker(context)
    const topic = await createTopic(broker.brokers, 30)
    const { kafka, opened } = watchedKafka(broker)
    const [drainingAtFreeze, stoppedLater] = [await allKinds(kafka, topic, roomyMs), await allKinds(kafka, topic, roomyMs)]
    const stopping = drainingAtFreeze.map(({ stop }) => stop())
    broker.freeze()
    stopping.push(...stoppedLater.map(({ stop }) => stop()))
    for (const [index, report] of (await Promise.all(stopping)).entries()) {
      if (index % 4 < 2) expectForced(report, 'kafka-consumer')
      else expectLetGo(report)
    }
    broker.thaw()
    await expectSilence([...drainingAtFreeze, ...stoppedLater], opened)
  })

  test('when the broker is killed in the middle of the drain', async (context) => {
    const broker = await ownBroker(context)
    const topic = await createTopic(broker.brokers, 30)
    const { kafka, opened } = watchedKafka(broker)
    const members = await allKinds(kafka, topic, drainMs)
    const stopping = members.map(({ stop }) => stop())
    await broker.kill()
    const reports = await Promise.all(stopping)
    // The busy ones wait for their handlers; the idle ones may notice that nobody is there, and be done.
    for (const report of reports.slice(0, 2)) expectForced(report, 'kafka-consumer')
    for (const report of reports) expect(report.tookMs).toBeLessThan(drainMs + forcedWithinMs + lateness())
    await expectSilence(members, opened)
  })

  test('while it joins again because another member has come', async (context) => {
    const broker = await ownBroker(context)
    const topic = await createTopic(broker.brokers, 30)
    const groupId = randomUUID()
    const { kafka, opened } = watchedKafka(broker)
    const idle = await member(kafka, topic, { how: 'idle', groupId, heartbeatInterval: 100, timeoutMs: roomyMs })
    // It holds the next rebalance up, since it is in its first message.
    const busy = await member(kafka, topic, { how: 'busy', groupId: randomUUID() })
    const blocker = await joinAndBlock(broker, topic, groupId, context)
    const rebalancing = new Promise<void>((resolve) => idle.consumer.on(idle.consumer.events.REBALANCING, () => resolve()))
    const newcomer = new Kafka(kafkaConfig(broker.brokers)).consumer({ groupId })
    await newcomer.connect()
    await newcomer.subscribe({ topics: [topic] })
    const joining = newcomer.run({ eachMessage: async () => {} })
    await rebalancing
    const [ofIdle, ofBusy] = await Promise.all([idle.stop(), busy.stop()])
    expectLetGo(ofIdle)
    expectForced(ofBusy, 'kafka-consumer')
    blocker.open()
    await joining
    await expectSilence([idle, busy], opened)
    await newcomer.disconnect()
  })

  test('while it waits after a crash to begin anew', async (context) => {
    const broker = await ownBroker(context)
    const topic = await createTopic(broker.brokers, 30)
    const { kafka, opened } = watchedKafka(broker, { retries: 1, initialRetryTime: 100 })
    const crashed = await member(kafka, topic, { how: 'idle', retries: 1 })
    const crash = crashOf(crashed.consumer)
    await broker.kill()
    expect(await crash, 'kafkajs wants to start it again').toBe(true)
    const report = await crashed.stop()
    expect(report.tookMs).toBeLessThan(drainMs + forcedWithinMs + lateness())
    await broker.restart()
    await expectSilence([crashed], opened)
  })

  test('in the middle of commits, each of which gets an answer', async (context) => {
    const broker = await ownBroker(context)
    const topic = await createTopic(broker.brokers, 30)
    const { kafka, opened } = watchedKafka(broker)
    const [auto, byHand] = await Promise.all([member(kafka, topic, { how: 'busy' }), member(kafka, topic, { how: 'busy', autoCommit: false })])
    broker.freeze()
    const commit = byHand.consumer.commitOffsets([{ topic, partition: 0, offset: '1' }]).then(() => 'resolved', () => 'rejected')
    auto.finish()
    // Its handler has ended, and kafkajs commits what it has done.
    await context.expect.poll(auto.inFlight).toBe(0)
    const reports = await Promise.all([auto.stop(), byHand.stop()])
    for (const report of reports) expectForced(report, 'kafka-consumer')
    expect(reports[0]?.steps.find(({ name }) => name === 'kafka-consumer')?.waitingFor).toEqual([
      expect.stringMatching(/^the commit of orders-.+\[\d\] (offset 0|offsets 0 to \d)$/),
      expect.stringMatching(/^the group .+ stand still for up to 30 s if the broker does not hear that it leaves$/),
    ])
    expect(await Promise.race([commit, sleep(forcedWithinMs, 'pending')])).not.toBe('pending')
    broker.thaw()
    await expectSilence([auto, byHand], opened)
  })

  test('an idempotent producer and an admin client: every call is answered, and no retry is left', async (context) => {
    const broker = await ownBroker(context)
    const topic = await createTopic(broker.brokers, 0)
    const { kafka, opened } = watchedKafka(broker)
    const producers = [
      kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner }),
      kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true }),
    ]
    const admin = kafka.admin()
    const lifecycle = createLifecycle()
    producers.forEach((producer, index) => lifecycle.add(kafkaProducer(producer, { name: `producer-${index}`, timeoutMs: drainMs })))
    lifecycle.add(kafkaAdmin(admin, { timeoutMs: drainMs }))
    await lifecycle.start()
    await Promise.all(producers.map((producer) => producer.send({ topic, messages: [{ value: 'first' }] })))
    broker.freeze()
    const sends = producers.flatMap((producer) => Array.from({ length: 200 }, (_, n) => producer.send({ topic, messages: [{ value: String(n) }] })))
    const calls = [admin.listTopics(), admin.fetchTopicOffsets(topic)]
    const settled = Promise.allSettled([...sends, ...calls])
    const report = await lifecycle.stop(sigterm)
    for (const step of ['producer-0', 'producer-1', 'kafka-admin']) expectForced(report, step)
    expect(report.steps.filter(({ phase }) => phase !== undefined).map(({ inFlight }) => inFlight.atForce)).toEqual([200, 200, 2])
    expect(report.steps.find(({ name }) => name === 'kafka-admin')?.waitingFor).toEqual([
      expect.stringMatching(/^listTopics \d\.\d s$/),
      expect.stringMatching(/^fetchTopicOffsets \d\.\d s$/),
    ])
    const reasons = (await settled).map((result) => (result.status === 'rejected' ? result.reason : result.status))
    const cutCalls = ['producer-0', 'producer-1', 'kafka-admin'].flatMap((resource, index) => Array.from({ length: index < 2 ? 200 : 2 }, () => expect.objectContaining({ code: 'cut', resource })))
    expect(reasons).toEqual(cutCalls)
    expect(report.steps.filter(({ phase }) => phase !== undefined).map(({ work }) => work?.cut)).toEqual([200, 200, 2])
    opened.length = 0
    broker.thaw()
    await sleep(silenceMs)
    expect(opened).toEqual([])
    expect([...producers, admin].map((client) => controlOf(client)?.openSockets())).toEqual([0, 0, 0])
  })
})

/** A member that is in a message until the gate is opened. */
async function joinAndBlock(broker: LinkedBroker, topic: string, groupId: string, { onTestFinished }: TestContext): Promise<Gate> {
  const consumer = new Kafka(kafkaConfig(broker.brokers)).consumer({ groupId, maxWaitTimeInMs: 100, heartbeatInterval: 50 })
  const begun = createGate()
  const gate = createGate()
  onTestFinished(async () => {
    gate.open()
    await consumer.disconnect()
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    async eachMessage() {
      begun.open()
      await gate.opened
    },
  })
  await begun.opened
  return gate
}

function crashOf(consumer: Consumer): Promise<boolean> {
  return new Promise((resolve) => consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.restart)))
}

describe.concurrent('controls: what a plain kafkajs client does', { timeout: 90_000 }, () => {
  test('disconnect() of a consumer is pending long after the broker was frozen', async (context) => {
    const broker = await ownBroker(context)
    const topic = await createTopic(broker.brokers, 3)
    // With a tenth of the 30 s that kafkajs waits for an answer by default, it takes a tenth of the minute that it takes by default.
    const consumer = new Kafka({ ...plainConfig(broker), requestTimeout: 3_000 }).consumer({ groupId: randomUUID() })
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
    await consumer.connect()
    await consumer.subscribe({ topics: [topic] })
    await consumer.run({ eachMessage: async () => {} })
    await joined
    broker.freeze()
    const since = performance.now()
    await consumer.disconnect()
    expect(performance.now() - since).toBeGreaterThan(4_000)
    broker.thaw()
  })

  test('a consumer whose broker was killed comes back when it has been disconnected', async (context) => {
    const broker = await ownBroker(context)
    const topic = await createTopic(broker.brokers, 3)
    const { kafka, lost } = impatientKafka(broker)
    const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 100, sessionTimeout: 6_000 })
    const begun = createGate()
    const gate = createGate()
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      async eachMessage() {
        begun.open()
        await gate.opened
      },
    })
    await begun.opened
    const crashed = crashOf(consumer)
    const disconnected = consumer.disconnect()
    await broker.kill()
    await lost()
    gate.open()
    await disconnected
    expect(await crashed).toBe(true)
    const rejoined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
    await broker.restart()
    await rejoined
    await consumer.disconnect()
  })
})

describe.concurrent('without drainableKafka', { timeout: 90_000 }, () => {
  test('a consumer does not come back that has crashed before it was stopped, or crashes while it is stopped', async (context) => {
    const broker = await ownBroker(context)
    const topic = await createTopic(broker.brokers, 3)
    const { kafka, lost } = impatientKafka(broker)
    const [before, during] = await Promise.all([member(kafka, topic, { how: 'busy', retries: 1 }), member(kafka, topic, { how: 'busy', retries: 1 })])
    const crashes = [before, during].map(({ consumer }) => crashOf(consumer))
    const stopping = during.stop()
    await broker.kill()
    await lost()
    for (const { finish } of [before, during]) finish()
    expect(await Promise.all(crashes), 'kafkajs wants to start them again').toEqual([true, true])
    await Promise.all([stopping, before.stop()])
    before.life.length = during.life.length = 0
    await sleep(5_000)
    // What was under way at the stop may crash once more. Whoever begins anew crashes again and again.
    for (const { life } of [before, during]) expect(life.length).toBeLessThanOrEqual(1)
  })
})

// Alone, since it counts the sockets of the process.
test('control: without drainableKafka the socket of a consumer that was cut stays open', async (context) => {
  const broker = await ownBroker(context)
  const topic = await createTopic(broker.brokers, 3)
  const { stop, finish } = await member(new Kafka(plainConfig(broker)), topic, { how: 'busy' })
  await expect.poll(countSockets).toBeGreaterThan(0)
  broker.freeze()
  expectForced(await stop(), 'kafka-consumer')
  expect(countSockets()).toBeGreaterThan(0)
  finish()
  broker.thaw()
  await expect.poll(countSockets, { timeout: 15_000 }).toBe(0)
})
