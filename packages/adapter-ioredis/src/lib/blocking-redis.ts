import { createTracker, cutError, followListeners, lifecycleErrorIn, untilIdle, type EmitterLike, type InHand, type LifecycleError, type Resource } from '@lameduck/core'
import type { Command } from './client-internals.ts'
import { listWarnings } from './client-warnings.ts'
import { givenUp, leave, untilIdleOrLost } from './close-client.ts'
import { countCommands, describeCommands, kindOf } from './commands-of.ts'
import { cutClient } from './cut-client.ts'
import { gateCommands, type Gate } from './gate-commands.ts'
import type { RedisClient } from './redis-client.ts'
import { requireClient } from './require-client.ts'
import { createStart } from './start-client.ts'
import { stepOptions, type StepOptions } from './step-options.ts'
import { trackConnections } from './track-connections.ts'
import { createUnblockers } from './unblockers.ts'
import { unsubscribe } from './unsubscribe.ts'
import { watchEnd } from './watch-end.ts'

export interface BlockingRedisOptions extends StepOptions {
  /** Unique in one lifecycle. @default 'redis (blocking)' */
  readonly name?: string
  /**
   * The promise of the loop that reads from this connection. It is waited for, so that what was read last is handled
   * before the connection closes. The loop must end when `lifecycle.stopping` aborts; when it fails, so does the step.
   * @default nothing is waited for but the commands themselves
   */
  readonly loop?: Promise<unknown>
}

/** The events that bring messages to listeners. */
const messages = ['message', 'messageBuffer', 'pmessage', 'pmessageBuffer', 'smessage', 'smessageBuffer']

/** Commands with which a loop asks for its next element. */
const reads = /^(?:bl|br|bz|xread)/i

/**
 * A client of ioredis that blocks (BLPOP, XREAD BLOCK) or subscribes: a source of work, so it stops with the
 * servers (phase `intake`), before what its work needs. The client is taken over: do not close it yourself.
 *
 * A blocked command is ended by `CLIENT UNBLOCK` over a second connection, which is opened for that; in a Cluster, one for each
 * node on which something is blocked. What listeners of messages return is waited for.
 *
 * @throws LifecycleError `invalid-resource` when `client` is none of ioredis, `invalid-option`
 */
export function blockingRedis(client: RedisClient, options: BlockingRedisOptions = {}): Resource {
  requireClient(client, 'blockingRedis')
  const { name = 'redis (blocking)', phase = 'intake', loop } = options
  trackConnections(client)
  const unblockers = createUnblockers(client)
  const work = createTracker(name)
  const doubts = phase !== 'connections' && phase !== 'telemetry'
  const beginMessages = followListeners(client as RedisClient & EmitterLike, messages, work, { what: nameMessage, doubts })
  let gate: Gate | undefined
  let draining: Promise<void> | undefined
  let isCut = false
  let isOver = loop === undefined
  /** Since the drain began, or since the close. */
  let readsOfLoop = 0
  return {
    name,
    phase,
    ...stepOptions(options, 'blockingRedis'),
    get warnings() {
      return listWarnings(client, 'blocking')
    },
    start: createStart(client, name),
    check() {
      if (client.status !== 'ready' && client.status !== 'monitoring') throw new Error(`not connected: the client is "${client.status}"`)
    },
    watch: (ended) => watchEnd(client, ended),
    quiesce: begin,
    inFlight: () => countCommands(client) + work.count() + (isOver ? 0 : 1),
    waitingFor: () => [...describeCommands(client), ...unblockers.refusals(), ...(draining && !isOver ? ['the end of the loop'] : []), ...work.waitingFor()],
    tally: () => work.tally.read(),
    drain: ({ signal }) => (draining ??= drain(signal)),
    force() {
      begin()
      if (!isCut) work.tally.cut(countCommands(client) + (isOver ? 0 : 1))
      isCut = true
      work.cut()
      unblockers.close()
      cutClient(client, (command) => cutError(name, kindOf(command)))
      gate?.close()
    },
  }

  function begin(): void {
    if (gate) return
    beginMessages()
    gate = gateCommands({ client, name, tally: work.tally, onSend: countRead, onRefuse: countRead, isKnown: () => false })
    loop?.then(
      () => endLoop(),
      (error: unknown) => endLoop(error),
    )
  }

  function endLoop(...failure: [unknown?]): void {
    isOver = true
    if (isCut) return
    // A loop that fails for nothing but what the stop did to its command has failed for nothing.
    const told = lifecycleErrorIn(failure[0])
    if (failure.length === 0 || told?.resource === name) work.tally.done()
    else work.tally.failed('the loop', failure[0])
  }

  async function drain(signal: AbortSignal): Promise<void> {
    begin()
    readsOfLoop = 0
    await unsubscribe(client, signal)
    let errorOf = await finish(signal)
    gate?.close()
    readsOfLoop = 0
    // Where a loop is left that nobody stops, what it has in hand.
    errorOf = (await finish(signal)) ?? errorOf
    unblockers.close()
    await leave(client, errorOf ?? givenUp(client, name), signal)
    gate?.close()
  }

  /** Ends what is blocked again and again: one that was on its way when the first attempt arrived is blocked only afterwards. */
  async function finish(signal: AbortSignal): Promise<((command: Command) => LifecycleError) | undefined> {
    const inHand: InHand = {
      count() {
        if (client.status === 'ready') unblockers.unblock(signal)
        return countCommands(client) + work.count() + (isOver ? 0 : 1)
      },
      // A loop that has not asked for more is still with what it has read before.
      begunBefore: (at) => work.begunBefore(at) + (isOver || readsOfLoop > 0 ? 0 : 1),
      onEnd: work.onEnd,
    }
    const why = await untilIdleOrLost(client, inHand, 0, signal)
    if (why === undefined) return undefined
    // A command that waits for a lost connection has nothing to bring; sent again, it would.
    const errorOf = givenUp(client, name, 'its connection was lost')
    cutClient(client, errorOf)
    await untilIdle(inHand, signal)
    return errorOf
  }

  function countRead(command: Command): void {
    if (reads.test(command.name ?? '')) readsOfLoop += 1
  }
}

/** `message on jobs` */
function nameMessage(event: string, values: readonly unknown[]): string {
  return `message on ${String(values[event.startsWith('p') ? 1 : 0])}`
}
