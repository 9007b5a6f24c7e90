import { recentMs, type Tallying } from '@lameduck/core'
import { internalsOf, type Command } from './client-internals.ts'
import { commandsOf } from './commands-of.ts'
import { isRead, sourceOf } from './reads.ts'
import type { RedisClient } from './redis-client.ts'

/** What a client has read for somebody who was not handed over. */
export interface Deliveries {
  /** For the plan: empty for one who reads once, or from another key each time, since that is not a loop. */
  readonly warnings: () => readonly string[]
  /** The stop begins: what was delivered more than 30 s before it is not doubted. */
  readonly begin: () => void
  /** One who reads has asked for more. */
  readonly asked: () => void
  /** The client is closed. What was delivered, and after which nothing more was asked for, is `unknown`. Later calls change nothing. */
  readonly end: () => void
}

const why = 'nobody knows whether what was read last is handled. Hand the loop over: blockingRedis(client, { loop })'

/** Follows the reads of a client from now on. Nothing is added to any other command. */
export function followDeliveries(client: RedisClient, tally: Tallying): Deliveries {
  const known = new WeakSet<Command>()
  /** Oldest first. Never more than were asked for at once. */
  const deliveredAt: number[] = []
  let lastSource: string | undefined
  let isLoop = false
  let isStopping = false
  for (const command of commandsOf(client)) if (isRead(command)) follow(command)
  const internals = internalsOf(client)
  const send = internals.sendCommand
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
  return {
    warnings: () => (isLoop ? [`the client reads, and no loop was handed over: in a stop ${why}.`] : []),
    begin() {
      forgetOld()
      isStopping = true
    },
    asked,
    end() {
      const count = deliveredAt.splice(0).length
      if (count > 0) tally.unknown(why, count)
    },
  }

  function follow(command: Command): void {
    known.add(command)
    const source = sourceOf(command)
    isLoop ||= source === lastSource
    lastSource = source
    const { resolve } = command
    command.resolve = (value) => {
      forgetOld()
      if (value !== null) deliveredAt.push(performance.now())
      return resolve?.(value)
    }
  }

  /** Nobody knows who of several it is. With the oldest, what is left over is doubted too long rather than too briefly. */
  function asked(): void {
    forgetOld()
    deliveredAt.shift()
  }

  function forgetOld(): void {
    if (isStopping) return
    const oldest = performance.now() - recentMs
    while (deliveredAt[0] !== undefined && deliveredAt[0] < oldest) deliveredAt.shift()
  }
}
