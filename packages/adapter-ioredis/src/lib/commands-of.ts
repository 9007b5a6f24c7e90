import { internalsOf, type Command, type Queue } from './client-internals.ts'
import type { RedisClient } from './redis-client.ts'
import { connectionsOf } from './track-connections.ts'

interface Waiting {
  readonly command: Command
  /** `sent`: written to a connection, so that the server may have done it. `not sent`: it has certainly not. */
  readonly state: 'sent' | 'not sent'
}

const handshake = new Set(['auth', 'hello', 'select', 'client', 'readonly', 'info'])

/** Commands of this package itself: nobody waits for their answers. */
const asides = new WeakSet<Command>()

let isSendingAside = false

/** Sends what no drain is to wait for, and no report to tell: the question of a readiness check must not fail the stop. */
export function sendAside<T>(connection: RedisClient, send: () => T): T {
  const others = new Set(commandsOf(connection))
  isSendingAside = true
  try {
    return send()
  } finally {
    isSendingAside = false
    for (const command of commandsOf(connection)) if (!others.has(command)) asides.add(command)
  }
}

/** Whether nobody but this package, or ioredis itself, waits for the command. */
export function isAside(client: RedisClient, command: Command): boolean {
  if (isSendingAside) asides.add(command)
  return asides.has(command) || isIntroduction(command) || (client.status === 'connect' && isHandshake(command))
}

/** What ioredis sends by itself when a connection is new or comes back; its users may send the same. */
export function isHandshake({ name }: Command): boolean {
  return handshake.has(name?.toLowerCase() ?? '')
}

/** What ioredis tells the server of itself; 5.4 does when the connection is ready already. */
function isIntroduction({ name, args }: Command): boolean {
  return name === 'readonly' || (name === 'client' && /^set(?:name|info)$/i.test(String(args?.[0])))
}

/** Whether each of the commands that wait has been sent. */
export function statesOf(client: RedisClient): ReadonlyMap<Command, Waiting['state']> {
  return new Map(waitingOf(client).map(({ command, state }) => [command, state]))
}

/** Every command whose caller waits: written, queued or held back, on every connection of the client. */
export function commandsOf(client: RedisClient): Command[] {
  return waitingOf(client).map(({ command }) => command)
}

/** How many commands wait, those included that only ioredis can name (see `countUnnamed`). */
export function countCommands(client: RedisClient): number {
  return waitingOf(client).length + countUnnamed(client)
}

/** Commands of a Cluster that wait for another try after a redirection, or as a pipeline for the map of slots: kept as functions. */
export function countUnnamed(client: RedisClient): number {
  const { delayQueue, _readyDelayedCallbacks } = internalsOf(client)
  const delayed = Object.values(delayQueue?.queues ?? {}).reduce((sum, queue) => sum + (queue?.length ?? 0), 0)
  return delayed + (_readyDelayedCallbacks?.length ?? 0)
}

/** `INCR ×2: sent, may have been done`, one text for each kind of command that waits; the oldest first. */
export function describeCommands(client: RedisClient): string[] {
  const counts = new Map<string, [name: string, count: number, state: Waiting['state']]>()
  for (const { command, state } of waitingOf(client)) {
    const name = kindOf(command)
    const [, count] = counts.get(`${name} ${state}`) ?? [name, 0]
    counts.set(`${name} ${state}`, [name, count + 1, state])
  }
  const texts = [...counts.values()].map(([name, count, state]) => `${times(name, count)}: ${state === 'sent' ? 'sent, may have been done' : 'not sent'}`)
  const unnamed = countUnnamed(client)
  return unnamed === 0 ? texts : [...texts, `${times('commands that wait for the cluster', unnamed)}: may have been done`]
}

/** `INCR` */
export function kindOf({ name }: Command): string {
  return (name ?? 'a command').toUpperCase()
}

function times(name: string, count: number): string {
  return count > 1 ? `${name} ×${count}` : name
}

function waitingOf(client: RedisClient): Waiting[] {
  return [client, ...connectionsOf(client).serving].flatMap((connection) => {
    const { prevCommandQueue, commandQueue, offlineQueue, _autoPipelines } = internalsOf(connection)
    const sent = [...new Set([prevCommandQueue, commandQueue])].flatMap(listCommands)
    const asked = connection.status === 'connect' ? sent.filter((command) => !isHandshake(command)) : sent
    const heldBack = [..._autoPipelines?.values() ?? []].flatMap(({ _queue }) => _queue ?? [])
    const unsent = [...listCommands(offlineQueue), ...heldBack]
    const all = [...asked.map((command) => ({ command, state: 'sent' }) as const), ...unsent.map((command) => ({ command, state: 'not sent' }) as const)]
    return all.filter(({ command }) => !asides.has(command) && !isIntroduction(command))
  })
}

export function listCommands(queue: Queue | null | undefined): Command[] {
  return queue?.toArray?.().flatMap(({ command }) => command ?? []) ?? []
}
