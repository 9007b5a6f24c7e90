import { createLifecycle, type Report } from '@lameduck/core'
import type { Server } from '@lameduck/servers'
import { Kafka, Partitioners, type Consumer } from 'kafkajs'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { drainableKafka, kafkaConsumer, kafkaProducer } from '../src/index.ts'
import { controlOf } from '../src/lib/client-control.ts'
import { startCluster, type TestCluster } from './support/cluster.ts'
import { createGate } from './support/gate.ts'
import { joinAsOther } from './support/group.ts'
import { startKeeper, type Keeper } from './support/keeper.ts'
import { watchLateness } from './support/lateness.ts'
import { rollOut } from './support/roll-out.ts'
import { write } from './support/topic.ts'

// What there is only with several brokers: partitions and coordinators on different ones, which move, and one that is lost while the others are well.

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
  return () => cluster.stop()
})

const sigterm = { kind: 'signal', signal: 'SIGTERM', interactive: false } as const
const forcedWithinMs = 1_000
const roomyMs = 40_000
const lateness = watchLateness()

interface BusyOptions {
  /** The node that coordinates its group. */
  readonly coordinator: number
  /** Nodes that lead the partitions; the message in hand is of the first. */
  readonly leaders: readonly number[]
  readonly autoCommit?: boolean
  readonly timeoutMs?: number
  /** With nothing to do. */
  readonly isIdle?: boolean
}

interface Busy {
  readonly consumer: Consumer
  readonly groupId: string
  readonly topic: string
  readonly finish: () => void
  readonly stop: () => Promise<Report>
}

/** A consumer with a message in hand, that also waits for messages of the other partitions. */
async function busy({ coordinator, leaders, autoCommit = true, timeoutMs = roomyMs, isIdle = false }: BusyOptions): Promise<Busy> {
  const topic = await cluster.createTopic(leaders)
  const groupId = await cluster.idOn(coordinator)
  if (!isIdle) await write(cluster.brokers, topic, 1)
  const consumer = drainableKafka(Kafka, cluster.config).consumer({ groupId, maxWaitTimeInMs: 500 })
  const begun = createGate()
  const gate = createGate()
  onTestFinished(gate.open)
  const lifecycle = createLifecycle({ policy: { graceMs: 60_000 } })
  lifecycle.add(
    kafkaConsumer(consumer, {
      topics: [topic],
      fromBeginning: true,
      timeoutMs,
      autoCommit,
      partitionsConsumedConcurrently: 2,
      async eachMessage() {
        begun.open()
        await gate.opened
        if (!autoCommit) await consumer.commitOffsets([{ topic, partition: 0, offset: '1' }])
      },
    }),
  )
  await lifecycle.start()
  if (!isIdle) await begun.opened
  return { consumer, groupId, topic, finish: gate.open, stop: () => lifecycle.stop(sigterm) }
}

/** The same with a plain client, in a process of its own: what it does when its brokers change may block it for ever. */
async function control({ coordinator, leaders }: BusyOptions): Promise<Keeper & { groupId: string; topic: string }> {
  const topic = await cluster.createTopic(leaders)
  const groupId = await cluster.idOn(coordinator)
  await write(cluster.brokers, topic, 1)
  const keeper = startKeeper({ helper: 'naive', brokers: cluster.brokers, topic, groupId })
  onTestFinished(() => void keeper.child.kill('SIGKILL'))
  await keeper.says('in hand')
  return { ...keeper, groupId, topic }
}

function stepOf(report: Report, name: string) {
  return report.steps.find((step) => step.name === name)
}

function expectForced(report: Report, name: string): void {
  const step = stepOf(report, name)
  expect(step).toMatchObject({ outcome: 'forced', errors: [] })
  expect((step?.finishedMs ?? Infinity) - (step?.deadlineMs ?? 0)).toBeLessThan(forcedWithinMs + lateness())
}

/** Everything is committed, and the group counts nobody any more, as its coordinator says. */
async function expectLeft({ groupId, topic, consumer }: Busy): Promise<void> {
  expect(await cluster.look(groupId, topic)).toEqual({ committed: [1, 0], members: 0 })
  expect(controlOf(consumer)?.openSockets()).toBe(0)
}

describe('while all are well', () => {
  test('rolling restarts under load: none is lost, and none is handled twice', { timeout: 120_000 }, async () => {
    const modes = ['eachMessage, automatic commits, three partitions at once', 'eachBatch, manual commits']
    const outcomes = await Promise.all(modes.map((mode) => rollOut({ brokers: cluster.brokers, mode, helper: 'lameduck', restarts: 1 })))
    for (const { lost, twice, exits } of outcomes) {
      expect({ lost, twice, left: exits.map(({ code, result }) => `${code} ${result}`) }).toEqual({ lost: 0, twice: 0, left: Array.from({ length: 3 }, () => '0 clean') })
    }
  })

  test('producers stopped in the middle of their sends: all that was accepted is there once', async () => {
    const topic = await cluster.createTopic()
    const accepted = [1, 2, 3].map(async (life) => {
      const producer = drainableKafka(Kafka, cluster.config).producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true })
      const lifecycle = createLifecycle()
      lifecycle.add(kafkaProducer(producer))
      await lifecycle.start()
      const sends = Array.from({ length: 200 }, (_, n) => producer.send({ topic, messages: [{ partition: n % 3, value: `${life}.${n}` }] }))
      const report = await lifecycle.stop(sigterm)
      expect(stepOf(report, 'kafka-producer')).toMatchObject({ outcome: 'drained', inFlight: { atStop: 200 } })
      return (await Promise.all(sends)).length
    })
    const total = (await Promise.all(accepted)).reduce((sum, sent) => sum + sent, 0)
    const ends = await cluster.admin.fetchTopicOffsets(topic)
    expect(ends.reduce((sum, { offset }) => sum + Number(offset), 0)).toBe(total)
  })

  test('a consumer that is cut leaves its group, whichever of its brokers is the coordinator, and another member takes over', async () => {
    const subjects = await Promise.all([1, 2, 3].map((coordinator) => busy({ coordinator, leaders: [1, 2], timeoutMs: 300 })))
    for (const { groupId, topic } of subjects) expect(await cluster.look(groupId, topic)).toEqual({ committed: [0, 0], members: 1 })
    for (const report of await Promise.all(subjects.map(({ stop }) => stop()))) expectForced(report, 'kafka-consumer')
    for (const { groupId, topic, consumer } of subjects) {
      await expect.poll(() => cluster.look(groupId, topic), { timeout: 10_000 }).toEqual({ committed: [0, 0], members: 0 })
      expect(controlOf(consumer)?.openSockets()).toBe(0)
      const other = await joinAsOther(cluster.brokers, groupId, topic)
      await other.takesAll(2)
      await expect.poll(() => other.handled).toEqual(['0:0'])
    }
  })
})

test('the partition in hand, or the coordinator, moves to another broker while a consumer drains: the commit and the leave follow it', { timeout: 60_000 }, async () => {
  const both = (coordinator: number, leaders: readonly number[]): Promise<Busy[]> => Promise.all([true, false].map((autoCommit) => busy({ coordinator, leaders, autoCommit })))
  const [ofPartition, ofCoordinator] = await Promise.all([both(1, [2, 3]), both(3, [2, 1])])
  const subjects = [...ofPartition, ...ofCoordinator]
  const stopped = subjects.map(({ stop }) => stop())
  await Promise.all([...ofPartition.map(({ topic }) => cluster.moveAway(topic, 0)), cluster.moveCoordinator(ofCoordinator[0]!.groupId)])
  for (const { finish } of subjects) finish()
  for (const report of await Promise.all(stopped)) expect(stepOf(report, 'kafka-consumer')).toMatchObject({ outcome: 'drained', errors: [] })
  for (const subject of subjects) await expectLeft(subject)
})

interface Sending {
  readonly topic: string
  readonly sends: readonly Promise<unknown>[]
  readonly stop: () => Promise<Report>
}

/** A producer that can send to every node, to be asked for ten messages to each. `acks`: 1 waits for no replica on another node, -1 for all. */
async function startSending(timeoutMs: number, acks: 1 | -1): Promise<{ send: () => Sending }> {
  const topic = await cluster.createTopic()
  const producer = drainableKafka(Kafka, cluster.config).producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: acks === -1, retry: { retries: 10 } })
  const lifecycle = createLifecycle({ policy: { graceMs: 60_000 } })
  lifecycle.add(kafkaProducer(producer, { timeoutMs }))
  await lifecycle.start()
  await Promise.all([0, 1, 2].map((partition) => producer.send({ topic, acks, messages: [{ partition, value: 'first' }] })))
  return {
    send() {
      const sends = Array.from({ length: 30 }, (_, n) => producer.send({ topic, acks, messages: [{ partition: n % 3, value: String(n) }] }))
      return { topic, sends, stop: () => lifecycle.stop(sigterm) }
    },
  }
}

/** A transaction that is open, and whose coordinator is this node. */
async function startTransaction(coordinator: number, leader: number, timeoutMs: number) {
  const topic = await cluster.createTopic([leader])
  const transactionalId = await cluster.idOn(coordinator, 'transaction')
  const producer = drainableKafka(Kafka, cluster.config).producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true, maxInFlightRequests: 1, transactionalId })
  const lifecycle = createLifecycle({ policy: { graceMs: 60_000 } })
  // Most of it is for the abort; what is left must be enough for a busy machine.
  lifecycle.add(kafkaProducer(producer, { timeoutMs, forceMs: 1_000 }))
  await lifecycle.start()
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: [{ value: 'first' }] })
  return { producer, transaction, stop: () => lifecycle.stop(sigterm) }
}

/** The node that is lost is the controller, too: a broker that is not costs less. */
async function controllerAndOthers(): Promise<{ controller: Server; lost: number; others: readonly [number, number] }> {
  const controller = await cluster.controller()
  const lost = cluster.nodes.indexOf(controller) + 1
  const [one = 0, other = 0] = [1, 2, 3].filter((id) => id !== lost)
  return { controller, lost, others: [one, other] }
}

/** Until the end of the test. */
async function freeze(node: Server): Promise<void> {
  onTestFinished(async () => {
    await node.thaw()
    await cluster.isWhole()
  }, 60_000)
  await node.freeze()
}

function messageInHand(topic: string): unknown {
  return expect.stringMatching(new RegExp(`^${topic}\\[0\\] offset 0 \\d\\.\\d s$`))
}

test('one of the brokers is frozen at the signal: what does not need it drains, the rest is cut and says what comes again', { timeout: 120_000 }, async () => {
  const { controller, lost, others } = await controllerAndOthers()
  const [one, other] = others
  const kinds = [true, false]
  const [draining, cut, later, sender, open, naive] = await Promise.all([
    Promise.all(
      kinds.flatMap((autoCommit) => [
        busy({ coordinator: one, leaders: [lost, one], autoCommit }),
        busy({ coordinator: one, leaders: [other, lost], autoCommit }),
        busy({ coordinator: one, leaders: [one, other], autoCommit }),
      ]),
    ),
    Promise.all(kinds.map((autoCommit) => busy({ coordinator: lost, leaders: [one, other], autoCommit, timeoutMs: 1_000 }))),
    busy({ coordinator: lost, leaders: [one, other], timeoutMs: 300 }),
    startSending(2_000, 1),
    startTransaction(lost, one, 500),
    control({ coordinator: one, leaders: [one, lost] }),
  ])
  let isControlOver = false
  void naive.exited.then(() => (isControlOver = true))

  const stopping = [...draining, ...cut].map(({ stop }) => stop())
  await freeze(controller)
  naive.child.kill('SIGTERM')
  const { topic, sends, stop } = sender.send()
  const [sending, ending, settled] = [stop(), open.stop(), Promise.allSettled(sends)]
  for (const { finish } of [...draining, ...cut]) finish()
  const reports = await Promise.all(stopping)
  for (const report of reports.slice(0, draining.length)) expect(stepOf(report, 'kafka-consumer')).toMatchObject({ outcome: 'drained', errors: [], waitingFor: [] })
  for (const report of reports.slice(draining.length)) expectForced(report, 'kafka-consumer')
  // The first has handled its message; the other is in the middle of committing by hand.
  const [auto, byHand] = cut
  expect(reports.slice(draining.length).map((report) => stepOf(report, 'kafka-consumer')?.waitingFor?.[0])).toEqual([`the commit of ${auto?.topic}[0] offset 0`, messageInHand(String(byHand?.topic))])
  for (const subject of draining) await expectLeft(subject)
  expect(isControlOver, 'kafkajs waits for the fetch').toBe(false)

  // What was sent to the others has got there, and the report tells of the rest.
  const report = await sending
  expectForced(report, 'kafka-producer')
  expect((await settled).map(({ status }) => status)).toEqual(sends.map((_, n) => (n % 3 === lost - 1 ? 'rejected' : 'fulfilled')))
  expect(stepOf(report, 'kafka-producer')?.waitingFor).toHaveLength(10)
  expect(stepOf(report, 'kafka-producer')?.waitingFor?.[0]).toContain(`send to ${topic}`)
  expectForced(await ending, 'kafka-producer')
  expect(stepOf(await ending, 'kafka-producer')?.waitingFor?.[0]).toMatch(/^an open transaction \(unless the broker takes its abort at a cut, readers wait up to 60 s\)/)
  expect(controlOf(open.producer)?.openSockets()).toBe(0)

  // Another coordinator has taken over: it hears that a consumer leaves that knows only the frozen one.
  await cluster.isReplaced(lost)
  expectForced(await later.stop(), 'kafka-consumer')
  await expect.poll(() => cluster.look(later.groupId, later.topic), { timeout: 10_000 }).toMatchObject({ members: 0 })
})

// The last one: nobody brings that broker back.
test('one of the brokers is killed at the signal: all drain, where kafkajs leaves messages and members behind', { timeout: 120_000 }, async () => {
  const { controller, lost, others } = await controllerAndOthers()
  const [one, other] = others
  const [subjects, idle, sender, open, naive, shaken] = await Promise.all([
    Promise.all(
      [true, false].flatMap((autoCommit) => [
        busy({ coordinator: lost, leaders: [one, other], autoCommit }),
        busy({ coordinator: one, leaders: [lost, one], autoCommit }),
        busy({ coordinator: one, leaders: [other, lost], autoCommit }),
        busy({ coordinator: one, leaders: [one, other], autoCommit }),
      ]),
    ),
    busy({ coordinator: lost, leaders: [one, other], isIdle: true }),
    startSending(roomyMs, -1),
    startTransaction(lost, one, roomyMs),
    control({ coordinator: lost, leaders: [one, other] }),
    cluster.createTopic([one, lost]),
  ])
  // These find out before they are stopped.
  await write(cluster.brokers, shaken, 1)
  const keepers = await Promise.all(
    (['lameduck', 'naive'] as const).map(async (helper) => startKeeper({ helper, brokers: cluster.brokers, topic: shaken, groupId: await cluster.idOn(other) })),
  )
  onTestFinished(() => keepers.forEach(({ child }) => child.kill('SIGKILL')))
  await Promise.all(keepers.map((keeper) => keeper.says('in hand')))

  const stopping = subjects.map(({ stop }) => stop())
  await controller.kill()
  const leaving = idle.stop()
  naive.child.kill('SIGTERM')
  const { topic, sends, stop } = sender.send()
  const [sending, ending] = [stop(), open.stop()]
  const isCommitted = open.transaction.commit().then(() => true, () => false)
  for (const { finish } of subjects) finish()
  await Promise.all(keepers.map((keeper) => keeper.says(`lost ${cluster.brokers[lost - 1]}`)))
  for (const { child } of keepers) child.kill('SIGTERM')

  for (const report of await Promise.all(stopping)) expect(stepOf(report, 'kafka-consumer')).toMatchObject({ outcome: 'drained', errors: [], waitingFor: [] })
  for (const subject of subjects) await expectLeft(subject)
  expect(stepOf(await leaving, 'kafka-consumer')).toMatchObject({ outcome: 'idle', errors: [] })
  expect(await cluster.look(idle.groupId, idle.topic)).toEqual({ committed: [0, 0], members: 0 })
  await naive.exited
  expect(await cluster.look(naive.groupId, naive.topic)).toEqual({ committed: [0, 0], members: 1 })

  expect(stepOf(await sending, 'kafka-producer')).toMatchObject({ outcome: 'drained', errors: [] })
  await Promise.all(sends)
  const ends = await cluster.admin.fetchTopicOffsets(topic)
  expect(ends.map(({ offset }) => offset)).toEqual(['11', '11', '11'])

  // kafkajs may give up on the commit of a transaction before there is another coordinator, and cannot abort it after that.
  expect(stepOf(await ending, 'kafka-producer')).toMatchObject(
    (await isCommitted)
      ? { outcome: 'drained', errors: [], waitingFor: [] }
      : {
          outcome: 'failed',
          errors: ['the broker confirmed neither the commit nor the abort of a transaction'],
          waitingFor: ['the end of a transaction (unless the broker has it, readers wait up to 60 s)'],
        },
  )

  const [ours, plain] = keepers
  await Promise.all(keepers.map((keeper) => keeper.says('done')))
  expect(await ours?.exited).toBe(0)
  expect(await plain?.beats(1_000), 'kafkajs blocks its process for ever').toBe(false)
})
