import { closedError, type LifecycleError, type Tallying } from '@lameduck/core'
import { internalsOf, type Command } from './client-internals.ts'
import { isAside, isHandshake, kindOf } from './commands-of.ts'
import type { RedisClient } from './redis-client.ts'

export interface GateInput {
  readonly client: RedisClient
  /** Of the resource, for the errors. */
  readonly name: string
  readonly tally: Tallying
  /** Called with every command before it is sent. */
  readonly onSend: (command: Command) => void
  /** Called with every command that is refused, and with what it rejects with. */
  readonly onRefuse: (command: Command, error: LifecycleError) => void
  /** Whether a command is served after the close: it is in hand already, and is only sent again. */
  readonly isKnown: (command: Command) => boolean
}

export interface Gate {
  /** From now on commands are refused, and counted. */
  close(): void
}

/** Sent by ioredis in place of a script that the server has forgotten. */
const resent = new Set(['eval', 'evalsha'])

/** They ask for what the close has brought, so that nothing is refused with them. */
const farewells = new Set(['quit', 'unsubscribe', 'punsubscribe', 'sunsubscribe'])

/** From now on every command of this one client is seen before it is sent: a single one, one of a pipeline or a transaction, a script. Nothing is replaced before. */
export function gateCommands({ client, name, tally, onSend, onRefuse, isKnown }: GateInput): Gate {
  let isClosed = false
  const internals = internalsOf(client)
  const send = internals.sendCommand
  stand()
  return {
    close() {
      isClosed = true
      // A client that monitors has one of its own, and drops what is there when it closes.
      stand()
      // A Cluster that never knew its nodes would keep the command for ever.
      if (internals.delayUntilReady) {
        internals.delayUntilReady = (callback) => {
          tally.refused('a command')
          callback(closedError(name, 'a command'))
        }
      }
    },
  }

  function stand(): void {
    if (!send) return
    internals.sendCommand = (command, ...destination) => {
      if (isClosed && !mayPass(command)) return refuse(command)
      if (!isAside(client, command)) onSend(command)
      return Reflect.apply(send, client, [command, ...destination])
    }
  }

  /** What is in hand at the close, and what it takes to finish that. */
  function mayPass(command: Command): boolean {
    if (isAside(client, command) || isKnown(command)) return true
    return client.status !== 'end' && (isHandshake(command) || resent.has(command.name?.toLowerCase() ?? ''))
  }

  function refuse(command: Command): unknown {
    if (farewells.has(command.name?.toLowerCase() ?? '')) command.resolve?.(command.name?.toLowerCase() === 'quit' ? Buffer.from('OK') : 0)
    else {
      const error = closedError(name, kindOf(command))
      onRefuse(command, error)
      tally.refused(kindOf(command))
      command.promise?.catch(() => {})
      command.reject?.(error)
    }
    return command.promise
  }
}
