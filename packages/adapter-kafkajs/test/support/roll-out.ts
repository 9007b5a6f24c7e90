import { Kafka, Partitioners } from 'kafkajs'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hasLeaders, kafkaConfig, offsetsOf, untilAnswered } from './topic.ts'

export interface RollOutOptions {
  readonly brokers: readonly string[]
  /** A key of members/modes.mjs. */
  readonly mode: string
  readonly helper: 'lameduck' | 'naive'
  readonly restarts: number
  /**
   * Not: two members; one gets SIGTERM and the other takes over; when it is gone a new one comes and takes its share; then it is the other
   * one's turn. Storm: three members; all get SIGTERM one shortly after the other, and for each a new one comes at once.
   */
  readonly storm?: boolean
}

export interface RollOut {
  /** Messages that nobody has handled although the group has committed them, and messages that were handled again. */
  readonly lost: number
  readonly twice: number
  readonly exits: readonly Exit[]
}

interface Exit {
  readonly code: number | null
  /** Of the report, where there is one. */
  readonly result: string | undefined
}

const partitions = 6
/** Messages that are written and not handled, at all times until the last restart: every SIGTERM meets whole batches. */
const backlog = 300
/** Messages that a member has handled since it came, before it is told to leave. */
const leastHandled = 25
const killAfterMs = 30_000
/** A control is not waited for any longer: a plain consumer may crash for good when its commit meets a rebalance. */
const controlPatienceMs = 10_000
/** Between the signals of a storm. */
const staggerMs = 150

/** Restarts of a consumer group under load, real processes; every signal comes in the middle of its member's work. */
export async function rollOut({ restarts, storm = false, ...options }: RollOutOptions): Promise<RollOut> {
  const group = randomUUID()
  const load = await startLoad(options.brokers, group)
  const handled = new Set<string>()
  const started: Member[] = []
  const exits: Exit[] = []
  let lines = 0

  /** That a member has handled some, or that the group has committed all. */
  function happens(event: Promise<void>): Promise<void> {
    return options.helper === 'lameduck' ? event : Promise.race([event, sleep(controlPatienceMs, undefined, { ref: false })])
  }

  function join(): Member {
    const member = startMember({ ...options, group, topic: load.topic }, (message) => {
      lines++
      handled.add(message)
      load.refill(handled.size)
    })
    started.push(member)
    return member
  }

  try {
    const members = storm ? [join(), join(), join()] : [join(), join()]
    for (let restart = 1; restart <= restarts; restart++) {
      const leaving = members.splice(0, storm ? 3 : 1)
      await Promise.all(leaving.map((member) => happens(member.handles(leastHandled))))
      const left = leaving.map(async (member, index) => {
        await sleep(index * staggerMs)
        if (storm) members.push(join())
        exits.push(await member.leave())
      })
      await Promise.all(left)
      if (!storm) members.push(join())
    }
    await Promise.all(members.map((member) => happens(member.handles(leastHandled))))
    await happens(load.end())
    for (const member of members) exits.push(await member.leave())
    const committed = await load.committed()
    const lost = committed.flatMap((end, partition) => Array.from({ length: end }, (_, offset) => `handled ${partition} ${offset}`)).filter((message) => !handled.has(message))
    return { lost: lost.length, twice: lines - handled.size, exits }
  } finally {
    for (const { child } of started) child.kill('SIGKILL')
    await load.close()
  }
}

interface Member {
  readonly child: ChildProcess
  /** Resolves in the turn in which it has told of so many messages. */
  readonly handles: (least: number) => Promise<void>
  readonly leave: () => Promise<Exit>
}

function startMember(options: Omit<RollOutOptions, 'restarts' | 'storm'> & { group: string; topic: string }, onHandled: (message: string) => void): Member {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../members/member.mjs', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      HELPER: options.helper,
      MODE: options.mode,
      GROUP: options.group,
      TOPIC: options.topic,
      KAFKA_BROKERS: options.brokers.join(','),
      NODE_ENV: 'production',
      KUBERNETES_SERVICE_HOST: undefined,
    },
  })
  let count = 0
  let result: string | undefined
  let onCount = (): void => {}
  const closed = once(child, 'close') as Promise<[number | null]>
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('handled ')) {
      count++
      onHandled(line)
      onCount()
    } else if (line.startsWith('{"lameduck":"report"')) {
      result = (JSON.parse(line) as { result: string }).result
    }
  })
  return {
    child,
    handles: (least) =>
      new Promise((resolve, reject) => {
        closed.then(([code]) => reject(new Error(`a member ended with ${code}, after ${count} messages`)), reject)
        onCount = () => count >= least && resolve()
        onCount()
      }),
    async leave() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
      const [code] = await closed
      clearTimeout(timer)
      return { code, result }
    },
  }
}

interface Load {
  readonly topic: string
  readonly refill: (handled: number) => void
  /** Writes no more, and resolves when the group has committed all. */
  readonly end: () => Promise<void>
  /** By partition. */
  readonly committed: () => Promise<readonly number[]>
  readonly close: () => Promise<void>
}

async function startLoad(brokers: readonly string[], group: string): Promise<Load> {
  const topic = `orders-${group}`
  const kafka = new Kafka(kafkaConfig(brokers))
  const admin = kafka.admin()
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await Promise.all([admin.connect(), producer.connect()])
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: false })
  while (!(await hasLeaders(admin, topic))) await sleep(50)
  let written = 0
  let isOver = false
  let isClosed = false
  let writing: Promise<void> | undefined

  async function write(count: number): Promise<void> {
    await producer.send({ topic, messages: Array.from({ length: count }, (_, n) => ({ value: String(written + n), partition: n % partitions })) })
    written += count
    writing = undefined
  }

  const committed = (): Promise<readonly number[]> => untilAnswered(() => offsetsOf(admin, group, topic))

  await write(backlog)
  return {
    topic,
    refill(handled) {
      if (!isOver && writing === undefined && written - handled < backlog) writing = write(partitions * 20)
    },
    async end() {
      isOver = true
      await writing
      const ends = await untilAnswered(() => admin.fetchTopicOffsets(topic))
      const all = sum(ends.map(({ offset }) => Number(offset)))
      while (!isClosed && sum(await committed()) < all) await sleep(100)
    },
    committed,
    async close() {
      isOver = true
      isClosed = true
      await writing
      await Promise.all([admin.disconnect(), producer.disconnect()])
    },
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
