import { LifecycleError, orAborted, untilIdle, type InHand } from '@lameduck/core'
import { within } from './within.ts'
import type { Command } from './client-internals.ts'
import { sendAside, statesOf } from './commands-of.ts'
import { cutClient } from './cut-client.ts'
import type { RedisClient } from './redis-client.ts'
import type { TrackedCommands } from './track-commands.ts'
import { waitForStatus } from './wait-for-status.ts'
import { watchLoss } from './watch-loss.ts'

/** How long QUIT and the `end` after it may take, in ms. The commands are done, so a silent server loses nothing but this. */
export const goodbyeMs = 250

export interface CloseInput {
  readonly client: RedisClient
  readonly name: string
  readonly commands: TrackedCommands
  /** How long commands that wait for a lost connection are given, each time it is lost, to get it back. */
  readonly reconnectMs: number
  readonly signal: AbortSignal
}

/**
 * Serves until nothing is in flight, then closes the connection. Resolves when it is closed; what had to be given up is counted.
 *
 * @throws the signal's reason when it aborts
 */
export async function closeClient({ client, name, commands, reconnectMs, signal }: CloseInput): Promise<void> {
  commands.begin()
  let why = await untilIdleOrLost(client, commands, reconnectMs, signal)
  commands.close()
  // Where a loop is left that nobody stops, what it has in hand.
  why ??= await untilIdleOrLost(client, commands, reconnectMs, signal)
  const errorOf = givenUp(client, name, why)
  commands.giveUp(errorOf)
  await leave(client, errorOf, signal)
  // Once more, for a client that monitors.
  commands.close()
}

/** Resolves with why it was given up, if it was. */
export async function untilIdleOrLost(client: RedisClient, inHand: InHand, reconnectMs: number, signal: AbortSignal): Promise<string | undefined> {
  const loss = watchLoss(client, reconnectMs)
  try {
    await untilIdle(inHand, AbortSignal.any([signal, loss.signal]))
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    if (!loss.signal.aborted) throw error
    return String(loss.signal.reason)
  } finally {
    loss.end()
  }
}

/** Says goodbye to the server, and ends the client whether that answers or not. */
export async function leave(client: RedisClient, errorOf: (command: Command) => Error, signal: AbortSignal): Promise<void> {
  if (client.status === 'ready') {
    const quit = async (signal: AbortSignal): Promise<unknown> => {
      await orAborted(sendAside(client, () => client.quit()), signal)
      return waitForStatus(client, ['end'], signal)
    }
    await within(goodbyeMs, '', signal, quit).catch(() => signal.throwIfAborted())
  }
  cutClient(client, errorOf)
  const end = (signal: AbortSignal): Promise<unknown> => waitForStatus(client, ['end'], signal)
  await within(goodbyeMs, '', signal, end).catch(() => signal.throwIfAborted())
}

/** What a command rejects with that the drain has given up. */
export function givenUp(client: RedisClient, name: string, why: string = 'the connection was closed'): (command: Command) => LifecycleError {
  const states = statesOf(client)
  return (command) => {
    const state = states.get(command)
    // Nothing has it any more: ioredis has forgotten it when it connected again.
    const forgotten = !state && !client.nodes
    const text = forgotten ? 'the connection was lost, and autoResendUnfulfilledCommands is false' : why
    return new LifecycleError('cut', `given up while the service stopped, ${state === 'not sent' ? 'not sent' : 'may have been done'}: ${text}`, { resource: name })
  }
}
