import { orAborted } from '@lameduck/core'
import { pause, within } from './abortable.ts'
import type { Command } from './client-internals.ts'
import { commandsOf, countCommands, countUnnamed, describeCommands, listKinds } from './commands-of.ts'
import { cutClient, stopError } from './cut-client.ts'
import type { RedisClient } from './redis-client.ts'
import { waitForStatus } from './wait-for-status.ts'

/** How long QUIT and the `end` after it may take, in ms. The commands are done, so a silent server loses nothing but this. */
const goodbyeMs = 250

/** Longest time between two looks at what is still in flight, in ms. */
const longestPauseMs = 16

/**
 * Lets every command finish that has been sent by now, then closes the connection. Resolves when it is closed.
 *
 * @param reconnectMs how long commands that wait for a lost connection are given, each time it is lost, to get it back
 * @throws the signal's reason when it aborts; an Error when commands had to be given up
 */
export async function closeClient(client: RedisClient, reconnectMs: number, signal: AbortSignal): Promise<void> {
  const lost = await finishCommands(client, reconnectMs, signal)
  if (client.status === 'ready') await sayGoodbye(client, signal)
  cutClient(client, stopError('the connection was closed: the service stops'))
  await untilEnd(client, signal)
  if (lost !== undefined) throw new Error(lost)
}

/** Resolves when the commands that wait now are settled or given up; with what was lost, if anything. */
async function finishCommands(client: RedisClient, reconnectMs: number, signal: AbortSignal): Promise<string | undefined> {
  const losses = watchLosses()
  let lostAt: number | undefined
  let pauseMs = 1
  // Those that are sent later are not waited for: a loop that nobody stops would keep the client for ever.
  let mine = losses.watch(commandsOf(client))
  while (client.status !== 'end') {
    const unnamed = countUnnamed(client)
    if (mine.size === 0 && unnamed === 0) break
    lostAt = client.status === 'ready' ? undefined : (lostAt ?? performance.now())
    if (lostAt !== undefined && performance.now() - lostAt >= reconnectMs) {
      return `${countOf(countCommands(client))} given up (${describeCommands(client).join('; ')}): the client was still "${client.status}" after ${reconnectMs} ms`
    }
    await pause(pauseMs, signal)
    signal.throwIfAborted()
    pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    // One that timed out (commandTimeout) stays in ioredis' queue until the server answers, but nobody waits for it.
    const waiting = commandsOf(client).filter((command) => !losses.isSettled(command))
    mine = unnamed > 0 ? losses.watch(waiting) : new Set(waiting.filter((command) => mine.has(command)))
  }
  // A Cluster gives its pipelines new promises when it sends them again.
  if (!client.nodes) await orAborted(losses.settleForgotten(commandsOf(client)), signal)
  return losses.describe()
}

function countOf(commands: number): string {
  return `${commands} ${commands === 1 ? 'command was' : 'commands were'}`
}

interface Losses {
  watch(commands: readonly Command[]): Set<Command>
  isSettled(command: Command): boolean
  /** Rejects those that neither settled nor are among these that still wait: nobody else would. */
  settleForgotten(waiting: readonly Command[]): Promise<unknown>
  /** How many were lost, of which kinds, and why the first was; `undefined` when none was. */
  describe(): string | undefined
}

/** Remembers the commands that rejected with anything but an answer of the server. */
function watchLosses(): Losses {
  const watched = new Set<Command>()
  // Its promise, not the command: a pipeline of a Cluster that is redirected sends the same commands again, with new ones.
  const settled = new WeakSet<object>()
  const lost: Command[] = []
  let first = ''
  const isSettled = ({ promise }: Command): boolean => promise !== undefined && settled.has(promise)
  const onRejected = (command: Command, error: unknown): void => {
    if (error instanceof Error && error.name === 'ReplyError') return
    lost.push(command)
    first ||= error instanceof Error ? error.message : String(error)
  }
  return {
    watch(commands) {
      for (const command of commands) {
        if (watched.has(command)) continue
        watched.add(command)
        const { promise } = command
        void promise?.catch((error: unknown) => onRejected(command, error)).then(() => settled.add(promise))
      }
      return new Set(commands)
    },
    isSettled,
    settleForgotten(waiting) {
      const error = stopError('the connection was lost, and autoResendUnfulfilledCommands is false')
      const forgotten = [...watched].filter((command) => !isSettled(command) && !waiting.includes(command))
      for (const command of forgotten) command.reject?.(error)
      return Promise.allSettled(forgotten.flatMap(({ promise }) => promise ?? []))
    },
    describe: () => (lost.length === 0 ? undefined : `${countOf(lost.length)} given up by ioredis (${listKinds(lost).join(', ')}; may have been done): ${first}`),
  }
}

async function sayGoodbye(client: RedisClient, signal: AbortSignal): Promise<void> {
  const quit = async (signal: AbortSignal): Promise<unknown> => {
    await orAborted(client.quit(), signal)
    return waitForStatus(client, ['end'], signal)
  }
  await within(goodbyeMs, '', signal, quit).catch(() => signal.throwIfAborted())
}

async function untilEnd(client: RedisClient, signal: AbortSignal): Promise<void> {
  const end = (signal: AbortSignal): Promise<unknown> => waitForStatus(client, ['end'], signal)
  await within(goodbyeMs, '', signal, end).catch(() => signal.throwIfAborted())
}
