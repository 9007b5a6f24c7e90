import { inspect } from 'node:util'
import { createTracker, type InHand, type LifecycleError, type Tally } from '@lameduck/core'
import type { Command } from './client-internals.ts'
import { commandsOf, countUnnamed, kindOf } from './commands-of.ts'
import { gateCommands, type Gate } from './gate-commands.ts'
import type { RedisClient } from './redis-client.ts'

/** What becomes of the commands of a client. */
export interface TrackedCommands extends InHand {
  /** How many of them are reads, which are the loop's. */
  readonly reads: () => number
  /** From now on they are counted, those that wait for their answers included. Before, nothing is added to a command. */
  begin(): void
  /** From now on commands are refused, but for those that may pass. */
  close(): void
  /** Those that nobody answered are lost: each rejects with its error, and has failed. */
  giveUp(errorOf: (command: Command) => Error): void
  /** All that are in hand are lost. */
  cut(): void
  read(): Tally
}

export interface TrackOptions {
  /** Whether a command asks for more work, rather than being some: it is in hand, and not counted. @default none does */
  readonly isRead?: (command: Command) => boolean
  /** Called with each of those, when it is sent or refused, from `begin` on. */
  readonly onRead?: (command: Command, refused?: LifecycleError) => void
  /** Whether a command is served although it comes after the close. @default none is */
  readonly mayPass?: (command: Command) => boolean
}

interface Unit {
  readonly end: (error?: unknown) => void
  reject?: Command['reject']
}

export function trackCommands(client: RedisClient, name: string, { isRead = () => false, onRead, mayPass = () => false }: TrackOptions = {}): TrackedCommands {
  const { tally, begin, begunBefore, onEnd, cut, count: countUnits } = createTracker(name, isReply)
  const open = new Map<Command, Unit>()
  /** By their promises: a pipeline of a Cluster that is redirected sends the same commands again, with new ones. */
  const settled = new WeakSet<object>()
  let gate: Gate | undefined

  // One that timed out (commandTimeout) stays in ioredis' queue until the server answers, but nobody waits for it.
  const count = (): number => commandsOf(client).filter(({ promise }) => !promise || !settled.has(promise)).length + countUnnamed(client)

  return {
    begunBefore,
    onEnd,
    count,
    reads: () => Math.max(0, count() - countUnits()),
    begin() {
      if (gate) return
      tally.begin()
      for (const command of commandsOf(client)) followWaiting(command)
      gate = gateCommands({ client, name, tally, onSend, onRefuse, isKnown: (command) => open.has(command) || mayPass(command) })
    },
    close() {
      // What auto-pipelining holds back is not sent before the end of the tick.
      for (const command of commandsOf(client)) follow(command)
      gate?.close()
    },
    giveUp(errorOf) {
      for (const command of open.keys()) {
        const error = errorOf(command)
        settle(command, error)
        command.reject?.(error)
      }
    },
    cut() {
      for (const command of commandsOf(client)) follow(command)
      cut()
      open.clear()
    },
    read: tally.read,
  }

  function onSend(command: Command): void {
    if (isRead(command)) onRead?.(command)
    follow(command)
  }

  function onRefuse(command: Command, error: LifecycleError): void {
    if (isRead(command)) onRead?.(command, error)
  }

  /** One that was sent before. */
  function followWaiting(command: Command): void {
    if (isRead(command)) return
    const { promise } = command
    if (promise && mayBeSettled(client) && !isPending(promise)) return void settled.add(promise)
    // A Cluster has put its own tries into `reject` by now, so that only the promise tells how it ends.
    if (client.nodes && command.pipelineIndex === undefined) return followPromise(command)
    follow(command)
  }

  function followPromise(command: Command): void {
    open.set(command, { end: begin(() => kindOf(command)) })
    command.promise?.then(
      () => settle(command),
      (error: unknown) => settle(command, error),
    )
  }

  /** By what ioredis settles it with: whoever does not handle what the server refuses still has an unhandled rejection. */
  function follow(command: Command): void {
    if (isRead(command)) return
    const { promise, resolve, reject } = command
    const known = open.get(command)
    // Sent again as it is, or nobody waits for it any more.
    if (known ? known.reject === reject || !known.reject : promise && settled.has(promise)) return
    const unit: Unit = { end: known?.end ?? begin(() => kindOf(command)) }
    open.set(command, unit)
    command.resolve = (value) => {
      settle(command)
      return resolve?.(value)
    }
    command.reject = unit.reject = (error) => {
      // It is in the report: whoever threw the promise away must not end the process by it.
      if (!isReply(error)) promise?.catch(() => {})
      const rejected = reject?.(error)
      // What a Cluster sends again has a new promise by then.
      if (client.nodes && command.pipelineIndex !== undefined) setImmediate(() => command.promise === promise && settle(command, error))
      else settle(command, error)
      return rejected
    }
  }

  function settle(command: Command, ...failure: [unknown?]): void {
    const unit = open.get(command)
    if (command.promise) settled.add(command.promise)
    if (!unit) return
    open.delete(command)
    unit.end(...failure)
  }
}

/** An error that the server has answered with. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

/** Whether there may be commands in the queue for whose answers nobody waits any more. */
function mayBeSettled(client: RedisClient): boolean {
  const { commandTimeout, redisOptions } = client.options as { readonly commandTimeout?: unknown; readonly redisOptions?: { readonly commandTimeout?: unknown } }
  return typeof commandTimeout === 'number' || typeof redisOptions?.commandTimeout === 'number'
}

/** To await it would handle its rejection. */
function isPending(promise: Promise<unknown>): boolean {
  return inspect(promise).startsWith('Promise { <pending>')
}
