import { createTracker, LifecycleError, orAborted, phases, show, type Phase, type QuiesceContext, type Resource } from '@lameduck/core'
import { controlOf } from './client-control.ts'
import { createConsumerTally } from './consumer-tally.ts'
import { followCalls } from './consumer-calls.ts'
import type { KafkaConsumerClient, OffsetsByTopic, RunConfig } from './consumer-client.ts'
import { createConsumerStop } from './consumer-stop.ts'
import { cutGroups } from './cut-groups.ts'
import { eachBatchHandler } from './each-batch.ts'
import { eachMessageHandler } from './each-message.ts'
import { createHands, type HandlerContext } from './hands.ts'
import type { BatchRunConfig } from './kafkajs-runner.ts'
import { followMembership, type Member } from './membership.ts'
import { resourceMembers, type KafkaResourceOptions } from './resource-options.ts'
import { createRewinds } from './rewinds.ts'
import { describeRewind } from './settle-offsets.ts'
import { createUncommitted } from './uncommitted.ts'
import { consumerWarnings } from './warnings.ts'

export interface KafkaConsumerOptions extends KafkaResourceOptions {
  /** What to subscribe to. */
  readonly topics: readonly (string | RegExp)[]
  /** Where to begin when the group has no offset yet. @default false */
  readonly fromBeginning?: boolean
  /**
   * `intake`: no handler begins from the signal on. In a later phase handlers go on until the consumer's own step: for replies for which
   * requests wait, and for messages that are passed on to clients that are still connected.
   *
   * @default 'intake'
   */
  readonly phase?: Phase
}

/** What `consumer.run()` takes. */
export type RunConfigOf<C> = C extends { run(config?: infer Config): Promise<void> } ? NonNullable<Config> : never

const optionsOfRun = 'topics fromBeginning phase eachMessage eachBatch eachBatchAutoResolve autoCommit autoCommitInterval autoCommitThreshold partitionsConsumedConcurrently'.split(' ')

/** kafkajs' own default. */
const defaultSessionTimeoutMs = 30_000

/**
 * A kafkajs consumer as a Resource: connects, subscribes and runs it, so do none of these yourself.
 *
 * `options` are those of `subscribe` and `run` together: `{ topics: ['orders'], eachMessage }`.
 *
 * From the signal on no handler begins, and `isRunning()` of a batch is false; with a later `phase` that is so from its own step on. The consumer stays a member of its group, and usable, until its
 * own drain: until whatever needs it has stopped, and commits by hand work until then. Then it waits for what is in hand, commits it, leaves and
 * disconnects, and is not usable again.
 *
 * What is committed from the signal on is what was done: messages whose handler returned; of a batch, what its handler resolved, also with
 * `eachBatchAutoResolve`. What a handler has asked for again by `seek`, or left in a partition that it paused, comes again.
 *
 * Replaces the consumer's `commitOffsets`, `seek`, `pause`, `resume` and `describeGroup` by functions that do the same and are known to it. A commit
 * that kafkajs drops without a word rejects.
 *
 * @throws LifecycleError `invalid-option`
 */
export function kafkaConsumer<C extends KafkaConsumerClient>(consumer: C, options: KafkaConsumerOptions & RunConfigOf<C>): Resource {
  const { topics, fromBeginning = false, phase = 'intake', name, timeoutMs: _timeoutMs, reserveMs: _reserveMs, forceMs: _forceMs, ...rest } = options as KafkaConsumerOptions
  const members = resourceMembers(options, 'kafka-consumer', optionsOfRun)
  const run: RunConfig = rest
  validate(name ?? 'kafka-consumer', topics, phase, run)

  const control = controlOf(consumer)
  const sessionTimeoutMs = control?.settings.consumer?.sessionTimeout ?? defaultSessionTimeoutMs
  const commits = createTracker(members.name)
  const uncommitted = createUncommitted()
  const rewinds = createRewinds()
  const tally = createConsumerTally(commits.tally, uncommitted, rewinds)
  const given = { autoCommit: run.autoCommit !== false, rewinds, tally }
  const hands = createHands({ ...given, consumer })
  const context: HandlerContext = { ...given, hands, uncommitted }
  const calls = followCalls(consumer, { name: members.name, calls: commits, hands, rewinds, uncommitted, tally })
  const membership = followMembership(consumer, {
    onRestart: () => void (stop.isStopping() && consumer.disconnect().catch(() => {})),
    onEnd: (error) => onEnded(error),
  })
  const atStake = (): readonly string[] => membership.atStake(sessionTimeoutMs)
  const noteAtStake = (): void => atStake().forEach(tally.note)
  const stop = createConsumerStop({ name: members.name, timeoutMs: members.timeoutMs, consumer, control, context, commits, calls, membership, noteAtStake })
  let onEnded = (_why: unknown): void => {}
  let isStarted = false

  consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
    uncommitted.committed(payload as OffsetsByTopic)
    calls.committed(payload as OffsetsByTopic)
  })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const { groupId, memberAssignment } = payload as Member
    // What was handled before a join in the middle of the stop is never committed by kafkajs, which begins anew.
    if (!stop.isStopping()) uncommitted.clear()
    rewinds.keep(memberAssignment)
    cutGroups.remove(groupId)
    hands.rejoining(false)
  })
  consumer.on(consumer.events.REBALANCING, () => hands.rejoining(true))
  consumer.on(consumer.events.CRASH, hands.crashed)

  async function connectAndJoin(signal: AbortSignal): Promise<void> {
    await orAborted(consumer.connect(), signal)
    await orAborted(consumer.subscribe({ topics: [...topics], fromBeginning }), signal)
    membership.begin()
    const joined = membership.joined()
    const running = consumer.run(runConfig() as never)
    // A join that is under way cannot be left, so only a cut ends this; the drain waits for it, and then leaves.
    await orAborted(Promise.race([joined, running.then(() => joined)]), stop.dropped)
  }

  function runConfig(): BatchRunConfig {
    const { eachMessage, eachBatch: _eachBatch, ...others } = run
    return { ...others, eachBatchAutoResolve: false, eachBatch: eachMessage ? eachMessageHandler(run, context) : eachBatchHandler(run, context) }
  }

  /** A start that is still under way is left at once: nobody can wait for a message yet, and the drain would wait for the join. */
  function quiesce(context: QuiesceContext): void {
    if (phase === 'intake' || !isStarted) stop.begin(context)
    else tally.begin()
  }

  return {
    ...members,
    phase,
    warnings: consumerWarnings(consumer, run, options),

    async start({ signal }) {
      try {
        await connectAndJoin(AbortSignal.any([signal, stop.dropped]))
        isStarted = true
      } catch (error) {
        stop.cut()
        throw error
      }
    },

    check() {
      if (membership.state() !== 'joined') {
        throw new Error(`not a member of its group (${membership.state()})${membership.lastError() ? `: ${membership.lastError()}` : ''}`)
      }
      const silentMs = performance.now() - membership.lastSeenAt()
      // Between messages only: kafkajs sends no heartbeat while a handler runs.
      if (hands.count() === 0 && silentMs > sessionTimeoutMs) {
        throw new Error(`no heartbeat for ${Math.round(silentMs / 1_000)} s`)
      }
    },

    watch: (ended) => void (onEnded = ended),
    quiesce,
    inFlight: stop.inHand.count,
    tally: tally.read,

    waitingFor() {
      const inHand = [...hands.waitingFor(), ...commits.waitingFor()]
      if (!stop.isStopping()) return inHand
      return [...inHand, ...uncommitted.waitingFor(), ...(context.autoCommit ? rewinds.list().map(describeRewind) : []), ...atStake()]
    },

    drain: stop.drain,
    force: stop.cut,
  }
}

function validate(name: string, topics: unknown, phase: unknown, { eachMessage, eachBatch }: RunConfig): void {
  if (!Array.isArray(topics) || topics.length === 0) {
    throw new LifecycleError('invalid-option', `${name}: topics must be an array with at least one topic; it is ${show(topics)}`)
  }
  if (!phases.includes(phase as Phase)) throw new LifecycleError('invalid-option', `${name}: phase must be one of ${phases.join(', ')}; it is ${show(phase)}`)
  if ((typeof eachMessage === 'function') === (typeof eachBatch === 'function')) {
    throw new LifecycleError('invalid-option', `${name} needs either eachMessage or eachBatch: eachMessage is ${show(eachMessage)}, eachBatch is ${show(eachBatch)}`)
  }
}
