import { internalsOf, type Command } from './client-internals.ts'
import { commandsOf } from './commands-of.ts'
import type { RedisClient } from './redis-client.ts'

/** Whether it is a command with which a loop asks for its next element. */
export function isRead({ name = '' }: Command): boolean {
  return /^(?:bl|br|bz|xread)/i.test(name)
}

/** Whether what it reads is nowhere else from then on: nobody can read it again when its answer is lost. */
export function isPop({ name = '', args = [] }: Command): boolean {
  return /^b(?:l|r|lm|z|zm)pop(?:min|max)?$/i.test(name) || (/^xreadgroup$/i.test(name) && args.some((each) => /^noack$/i.test(String(each))))
}

/** What a client has read for a loop that nobody handed over. */
export interface Deliveries {
  /** Whether it has read at all. */
  readonly isReader: () => boolean
  /** How often it has got something after which it has not asked for more: whoever got it may still be busy with it. */
  readonly inHand: () => number
  /** It has asked for more, and was refused. */
  readonly asked: () => void
}

/** Follows the reads of a client from now on. Nothing is added to any other command. */
export function followReads(client: RedisClient): Deliveries {
  const known = new WeakSet<Command>()
  const internals = internalsOf(client)
  const send = internals.sendCommand
  let isReader = false
  let inHand = 0
  for (const command of commandsOf(client)) if (isRead(command)) follow(command)
  if (send) {
    internals.sendCommand = (command, ...destination) => {
      // ioredis sends it again when its connection comes back.
      if (isRead(command) && !known.has(command)) {
        asked()
        follow(command)
      }
      return Reflect.apply(send, client, [command, ...destination])
    }
  }
  return { isReader: () => isReader, inHand: () => inHand, asked }

  function asked(): void {
    inHand = Math.max(0, inHand - 1)
  }

  function follow(command: Command): void {
    isReader = true
    known.add(command)
    const { resolve } = command
    command.resolve = (value) => {
      if (value !== null) inHand += 1
      return resolve?.(value)
    }
  }
}
