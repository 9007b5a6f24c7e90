import { createTracker, cutError, followListeners, requireOptions, sumTallies, untilIdle, type EmitterLike, type InHand, type LifecycleError, type Resource } from '@lameduck/core'
import type { Command } from './client-internals.ts'
import { listWarnings } from './client-warnings.ts'
import { givenUp, leave, untilIdleOrLost } from './close-client.ts'
import { countCommands, describeCommands, kindOf, statesOf } from './commands-of.ts'
import { cutClient } from './cut-client.ts'
import { followDeliveries } from './deliveries.ts'
import { followLoop } from './read-loop.ts'
import { isPop, isRead } from './reads.ts'
import type { RedisClient } from './redis-client.ts'
import { requireClient } from './require-client.ts'
import { createStart } from './start-client.ts'
import { stepOptionNames, stepOptions, type StepOptions } from './step-options.ts'
import { trackCommands } from './track-commands.ts'
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
   * @default nothing is waited for but the commands themselves, and what was read last is `unknown`, unless that was 30 s before the signal
   */
  readonly loop?: Promise<unknown>
}

/** The events that bring messages to listeners. */
const messages = ['message', 'messageBuffer', 'pmessage', 'pmessageBuffer', 'smessage', 'smessageBuffer']

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
  requireOptions(options, { ...stepOptionNames, name: true, loop: true }, 'blockingRedis()')
  const { name = 'redis (blocking)', phase = 'intake' } = options
  trackConnections(client)
  const unblockers = createUnblockers(client)
  const work = createTracker(name)
  const doubts = phase !== 'connections' && phase !== 'telemetry'
  const beginMessages = followListeners(client as RedisClient & EmitterLike, messages, work, { what: nameMessage, doubts })
  const loop = followLoop(options.loop, work.tally)
  const deliveries = options.loop === undefined && doubts ? followDeliveries(client, work.tally) : undefined
  const commands = trackCommands(client, name, { isRead, onRead, mayPass: (command) => !isLeaving && !isRead(command) })
  let draining: Promise<void> | undefined
  let isLeaving = false
  return {
    name,
    phase,
    ...stepOptions(options, 'blockingRedis'),
    get warnings() {
      return [...listWarnings(client, 'blocking'), ...(deliveries?.warnings() ?? [])]
    },
    start: createStart(client, name),
    check() {
      if (client.status !== 'ready' && client.status !== 'monitoring') throw new Error(`not connected: the client is "${client.status}"`)
    },
    watch: (ended) => watchEnd(client, ended),
    quiesce: begin,
    inFlight: () => countCommands(client) + work.count() + loop.count(),
    waitingFor: () => [...describeCommands(client), ...unblockers.refusals(), ...(draining && loop.count() > 0 ? ['the end of the loop'] : []), ...work.waitingFor()],
    tally: () => sumTallies([work.tally.read(), commands.read()]),
    drain: ({ signal }) => (draining ??= drain(signal)),
    force() {
      begin()
      work.tally.cut(commands.reads())
      loop.cut()
      isLeaving = true
      work.cut()
      commands.cut()
      unblockers.close()
      cutClient(client, (command) => cutError(name, kindOf(command)))
      commands.close()
      deliveries?.end()
    },
  }

  function begin(): void {
    beginMessages()
    deliveries?.begin()
    commands.begin()
    loop.begin()
  }

  async function drain(signal: AbortSignal): Promise<void> {
    begin()
    await unsubscribe(client, signal)
    let errorOf = await finish(signal)
    commands.close()
    // Where a loop is left that nobody stops, what it has in hand, and what it needs for that.
    errorOf = (await finish(signal)) ?? errorOf
    isLeaving = true
    unblockers.close()
    await leave(client, errorOf ?? giveUp(), signal)
    commands.close()
    deliveries?.end()
  }

  /** Ends what is blocked again and again: one that was on its way when the first attempt arrived is blocked only afterwards. */
  async function finish(signal: AbortSignal): Promise<((command: Command) => LifecycleError) | undefined> {
    loop.watch()
    const inHand: InHand = {
      count() {
        if (client.status === 'ready') unblockers.unblock(signal)
        return commands.count() + work.count() + loop.count()
      },
      begunBefore: (at) => work.begunBefore(at) + commands.begunBefore(at) + Number(loop.isBusy()),
      onEnd: work.onEnd,
    }
    const why = await untilIdleOrLost(client, inHand, 0, signal)
    if (why === undefined) return undefined
    // A command that waits for a lost connection has nothing to bring; sent again, it would.
    const errorOf = giveUp('its connection was lost')
    commands.giveUp(errorOf)
    cutClient(client, errorOf)
    await untilIdle(inHand, signal)
    return errorOf
  }

  function giveUp(why?: string): (command: Command) => LifecycleError {
    const states = statesOf(client)
    const errorOf = givenUp(client, name, why)
    const doubted = new Set<Command>()
    return (command) => {
      const error = errorOf(command)
      if (isRead(command)) loop.ended(error)
      if (isPop(command) && states.get(command) === 'sent' && !doubted.has(command)) {
        doubted.add(command)
        work.tally.unknown(`${kindOf(command)}: given up, and what it may have popped is lost`)
      }
      return error
    }
  }

  function onRead(_command: Command, refused?: LifecycleError): void {
    loop.asked(refused)
    if (refused) deliveries?.asked()
  }
}

/** `message on jobs` */
function nameMessage(event: string, values: readonly unknown[]): string {
  return `message on ${String(values[event.startsWith('p') ? 1 : 0])}`
}
