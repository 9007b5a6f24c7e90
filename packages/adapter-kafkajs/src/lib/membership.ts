import type { KafkaConsumerClient } from './consumer-client.ts'

export interface Membership {
  /** `crashed`: kafkajs waits for its back-off before it joins again, or has given up. */
  readonly state: () => 'none' | 'joining' | 'joined' | 'crashed'
  /** Monotonic ms of the last answer of the group's coordinator. */
  readonly lastSeenAt: () => number
  readonly lastError: () => string | undefined
  readonly topics: () => readonly string[]
  /** As the group knows it: nothing before the first join, nor after `left`. */
  readonly member: () => Member | undefined
  /** Called when the group has been left. */
  left(): void
  /** Called when `run` is about to be. */
  begin(): void
  /** Resolves when the consumer is a member; rejects when kafkajs gives up. */
  joined(): Promise<void>
  /** What a cut would cost the others, in one text; nothing when it is no member. */
  readonly atStake: (sessionTimeoutMs: number) => readonly string[]
  /** Calls back when no join is under way: at once, or after it. */
  whenSettled(callback: () => void): void
}

export interface Member {
  readonly groupId: string
  readonly memberId: string
  /** Partitions by topic. */
  readonly memberAssignment: Readonly<Record<string, readonly number[]>>
}

export interface MembershipEvents {
  /** kafkajs has decided to start again after a crash; called where that can be prevented by `stop()`. */
  readonly onRestart: () => void
  /** kafkajs has given up a consumer that had been a member, and nothing brings it back. */
  readonly onEnd: (error: Error) => void
}

/**
 * Follows a consumer's membership by its events.
 *
 * It matters because a `stop()` during a join returns at once, and what then has joined can never be stopped again
 * (kafkajs 2.2.4, `runner.js`: the runner that is forgotten is the one that goes on).
 */
export function followMembership(consumer: KafkaConsumerClient, { onRestart, onEnd }: MembershipEvents): Membership {
  const { CONNECT, GROUP_JOIN, HEARTBEAT, CRASH } = consumer.events
  let state: 'none' | 'joining' | 'joined' | 'crashed' = 'none'
  let lastSeenAt = performance.now()
  let lastError: string | undefined
  let member: Member | undefined
  let wasMember = false
  const onSettled = new Set<() => void>()
  const onMember = new Set<(error?: Error) => void>()

  consumer.on(CONNECT, () => {
    if (state === 'crashed') state = 'joining'
  })
  consumer.on(HEARTBEAT, () => {
    lastSeenAt = performance.now()
  })
  consumer.on(GROUP_JOIN, ({ payload }) => {
    lastSeenAt = performance.now()
    member = payload as Member
    wasMember = true
    // kafkajs calls itself running only after this event; before that, stop() would do nothing.
    setImmediate(() => settle('joined'))
  })
  consumer.on(CRASH, ({ payload }) => {
    const { error, restart } = payload as { error: Error; restart: boolean }
    lastError = error.message
    settle('crashed', restart ? undefined : error)
    // The timer of the restart is set when the listeners have returned, and cleared by a stop().
    if (restart) queueMicrotask(onRestart)
    else if (wasMember) onEnd(error)
  })

  function settle(next: 'joined' | 'crashed', error?: Error): void {
    state = next
    if (state === 'joined' || error) for (const callback of takeAll(onMember)) callback(error)
    for (const callback of takeAll(onSettled)) callback()
  }

  return {
    state: () => state,
    lastSeenAt: () => lastSeenAt,
    lastError: () => lastError,
    topics: () => Object.keys(member?.memberAssignment ?? {}),
    member: () => member,
    left() {
      member = undefined
    },
    atStake(sessionTimeoutMs) {
      const seconds = sessionTimeoutMs / 1_000
      if (member) return [`the group ${member.groupId}: ${listPartitions(member.memberAssignment)} stand still for up to ${seconds} s if the broker does not hear that it leaves`]
      return state === 'joining' ? [`the join of the group: what it would be given stands still for up to ${seconds} s`] : []
    },
    begin() {
      state = 'joining'
    },
    joined: () => new Promise((resolve, reject) => onMember.add((error) => (error ? reject(error) : resolve()))),
    whenSettled(callback) {
      if (state === 'joining') onSettled.add(callback)
      else callback()
    },
  }
}

/** `orders[0,1,2], payments (12 partitions)` */
function listPartitions(assignment: Member['memberAssignment']): string {
  const topics = Object.entries(assignment).map(([topic, partitions]) => (partitions.length > 8 ? `${topic} (${partitions.length} partitions)` : `${topic}[${partitions.join(',')}]`))
  return topics.length > 3 ? `${topics.slice(0, 3).join(', ')} and those of ${topics.length - 3} more topics` : topics.join(', ') || 'its partitions'
}

function takeAll<T>(from: Set<T>): T[] {
  const all = [...from]
  from.clear()
  return all
}
