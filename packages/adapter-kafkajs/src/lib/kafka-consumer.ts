import { orAborted, LifecycleError, show, type Resource } from '@lameduck/core'
import { controlOf } from './client-control.ts'
import type { KafkaConsumerClient, OffsetsByTopic, RunConfig } from './consumer-client.ts'
import { cutGroups } from './cut-groups.ts'
import { encodeLeaveGroup } from './leave-group.ts'
import { followMembership, type Member } from './membership.ts'
import { resourceMembers, type KafkaResourceOptions } from './resource-options.ts'
import { trackHandlers } from './track-handlers.ts'
import { createUncommitted } from './uncommitted.ts'
import { consumerWarnings } from './warnings.ts'

export interface KafkaConsumerOptions extends KafkaResourceOptions {
  /** What to subscribe to. */
  readonly topics: readonly (string | RegExp)[]
  /** Where to begin when the group has no offset yet. @default false */
  readonly fromBeginning?: boolean
}

/** What `consumer.run()` takes. */
export type RunConfigOf<C> = C extends { run(config?: infer Config): Promise<void> } ? NonNullable<Config> : never

/** kafkajs itself sends at most one in `heartbeatInterval`, so this only has to be often enough. */
const beatEveryMs = 500

/** After `maxWaitTimeInMs` every broker that is well has answered. */
const lateMs = 500

/** kafkajs' own default. */
const defaultSessionTimeoutMs = 30_000

/**
 * A kafkajs consumer as a Resource: connects, subscribes and runs it, so do none of these yourself.
 *
 * `options` are those of `subscribe` and `run` together: `{ topics: ['orders'], eachMessage }`.
 *
 * The stop begins in the tick of the signal, and depends on who commits. Automatic commits (`autoCommit`, the default):
 * `consumer.stop()` at once; messages in hand are finished and committed. Manual commits (`autoCommit: false`): the
 * assignment is paused and the consumer stopped in the tick in which the last handler ends, because
 * `consumer.commitOffsets()` of a stopping consumer resolves and commits nothing (kafkajs 2.2.4, `runner.js`). `isRunning()` of a
 * batch is false from the signal on. Meanwhile the group gets heartbeats for handlers that take long.
 *
 * The consumer is disconnected by it, and not usable again.
 *
 * @throws LifecycleError `invalid-option`
 */
export function kafkaConsumer<C extends KafkaConsumerClient>(consumer: C, options: KafkaConsumerOptions & RunConfigOf<C>): Resource {
  const { topics, fromBeginning = false, name, timeoutMs: _timeoutMs, reserveMs: _reserveMs, forceMs: _forceMs, ...rest } = options as KafkaConsumerOptions
  const members = resourceMembers(options, 'kafka-consumer')
  const run: RunConfig = rest
  validate(name ?? 'kafka-consumer', topics, run)

  const control = controlOf(consumer)
  const uncommitted = createUncommitted()
  const handlers = trackHandlers(run, uncommitted)
  const sessionTimeoutMs = control?.settings.consumer?.sessionTimeout ?? defaultSessionTimeoutMs
  const membership = followMembership(consumer, () => stopping && leaveQuietly())
  const { promise: stopped, resolve: setStopped } = withResolvers<Promise<void> | undefined>()
  const cutting = new AbortController()
  let stopping = false
  let beating: NodeJS.Timeout | undefined

  consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => uncommitted.committed(payload as OffsetsByTopic))
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    // What was handled before a join in the middle of the stop is never committed by kafkajs, which begins anew.
    if (!stopping) uncommitted.clear()
    cutGroups.remove((payload as Member).groupId)
  })

  /** Ends in the tick of the signal whatever can be ended; the rest follows by itself. */
  function beginStop(): void {
    if (stopping) return
    stopping = true
    control?.stayDown()
    handlers.close()
    if (membership.state() === 'none') return setStopped(undefined)
    beating = setInterval(handlers.beat, beatEveryMs)
    membership.whenSettled(run.autoCommit === false ? stopWhenIdle : stopNow)
  }

  function stopWhenIdle(): void {
    if (handlers.count() > 0) consumer.pause(membership.topics().map((topic) => ({ topic })))
    handlers.whenIdle(stopNow)
  }

  function stopNow(): void {
    if (run.autoCommit !== false) commitBehindHandlers()
    const stop = consumer.stop()
    stop.catch(() => {})
    control?.stopFetching()
    handlers.release()
    setStopped(stop)
  }

  /**
   * kafkajs commits at the end of a batch, so a handler that is then cut would bring back what was handled before it in the same batch.
   * Not after `stop()`, which would do nothing; its answer is awaited, for where there are several brokers it could overtake the last commit.
   */
  function commitBehindHandlers(): void {
    const positions = handlers.positions()
    if (positions.length > 0) handlers.holdFor(consumer.commitOffsets([...positions]).catch(() => {}))
  }

  function cut(): void {
    stopping = true
    clearInterval(beating)
    control?.stayDown()
    handlers.close()
    cutting.abort(new Error(`${members.name} was cut`))
    // During a join this would only make kafkajs forget what it must end.
    if (membership.state() !== 'joining') leaveQuietly()
    if (!control) return handlers.release()
    handlers.abandon()
    const member = membership.member()
    if (member) cutGroups.add(member.groupId)
    membership.left()
    control.cut(new Error(`${members.name} was cut: its deadline has passed`), member && encodeLeaveGroup(member.groupId, member.memberId))
  }

  /** The group has been left; only fetches may be open, that nobody wants. */
  async function disconnect(): Promise<void> {
    const disconnected = consumer.disconnect()
    const { maxWaitTimeInMs } = control?.settings.consumer ?? {}
    if (!control || maxWaitTimeInMs === undefined) return disconnected
    const isLate = setTimeout(() => control.cut(new Error('a broker does not answer a fetch')), maxWaitTimeInMs + lateMs)
    return disconnected.finally(() => clearTimeout(isLate))
  }

  function leaveQuietly(): void {
    consumer.disconnect().catch(() => {})
  }

  async function connectAndJoin(signal: AbortSignal): Promise<void> {
    await orAborted(consumer.connect(), signal)
    await orAborted(consumer.subscribe({ topics: [...topics], fromBeginning }), signal)
    membership.begin()
    const joined = membership.joined()
    const running = consumer.run(handlers.runConfig as never)
    // A join that is under way cannot be left, so only a cut ends this; the drain waits for it, and then leaves.
    await orAborted(Promise.race([joined, running.then(() => joined)]), cutting.signal)
  }

  return {
    ...members,
    phase: 'intake',
    warnings: consumerWarnings(consumer, run, options),

    async start({ signal }) {
      try {
        await connectAndJoin(AbortSignal.any([signal, cutting.signal]))
      } catch (error) {
        cut()
        throw error
      }
    },

    check() {
      if (membership.state() !== 'joined') {
        throw new Error(`not a member of its group (${membership.state()})${membership.lastError() ? `: ${membership.lastError()}` : ''}`)
      }
      const silentMs = performance.now() - membership.lastSeenAt()
      // Between messages only: kafkajs sends no heartbeat while a handler runs.
      if (handlers.count() === 0 && silentMs > sessionTimeoutMs) {
        throw new Error(`no heartbeat for ${Math.round(silentMs / 1_000)} s`)
      }
    },

    quiesce: beginStop,
    inFlight: handlers.count,
    waitingFor: () => [...handlers.waitingFor(), ...(stopping ? [...uncommitted.waitingFor(), ...membership.atStake(sessionTimeoutMs)] : [])],

    async drain({ signal }) {
      beginStop()
      const ended = AbortSignal.any([signal, cutting.signal])
      try {
        await orAborted(stopped, ended)
        membership.left()
        await orAborted(disconnect(), ended)
        await orAborted(Promise.resolve(control?.close()), ended)
        // kafkajs stops as well when the commit fails, and says nothing.
        if (uncommitted.waitingFor().length > 0) throw new Error('the broker confirmed no commit of what was handled: it comes again')
      } finally {
        clearInterval(beating)
      }
    },

    force: cut,
  }
}

function validate(name: string, topics: unknown, { eachMessage, eachBatch }: RunConfig): void {
  if (!Array.isArray(topics) || topics.length === 0) {
    throw new LifecycleError('invalid-option', `${name}: topics must be an array with at least one topic; it is ${show(topics)}`)
  }
  if ((typeof eachMessage === 'function') === (typeof eachBatch === 'function')) {
    throw new LifecycleError('invalid-option', `${name} needs either eachMessage or eachBatch: eachMessage is ${show(eachMessage)}, eachBatch is ${show(eachBatch)}`)
  }
}

/** `Promise.withResolvers` is not in Node 20. */
function withResolvers<T>(): { promise: Promise<Awaited<T>>; resolve: (value: T) => void } {
  let resolve = (_value: T): void => {}
  const promise = new Promise<Awaited<T>>((settle) => {
    resolve = settle as (value: T) => void
  })
  return { promise, resolve }
}
