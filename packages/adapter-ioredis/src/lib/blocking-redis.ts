import { orAborted, type Resource } from '@lameduck/core'
import { pause } from './abortable.ts'
import { countCommands, cutClient, describeCommands, localAddressOf } from './client-internals.ts'
import { closeClient } from './close-client.ts'
import type { RedisClient, RedisCommandClient } from './redis-client.ts'
import { createStart } from './start-client.ts'
import { stepTimes, type StepTimes } from './step-times.ts'

/**
 * Time between two attempts to end a blocked command, in ms: one that was still on its way to the server when the
 * first attempt arrived is blocked only afterwards.
 */
const retryMs = 20

export interface BlockingRedisOptions extends StepTimes {
  /** Unique in one lifecycle. @default 'redis (blocking)' */
  readonly name?: string
  /**
   * Another connection to the same server, over which a blocked command is ended (`CLIENT UNBLOCK`); it stays yours, and
   * must stop later: the client that you give to `redis` is right. Subscribers need none.
   * @default none: a command that blocks without end is cut at the deadline, which can lose the element it has just popped
   */
  readonly commands?: RedisCommandClient
  /**
   * The promise of the loop that reads from this connection. It is waited for, so that what was read last is handled
   * before the connection closes. The loop must end when `lifecycle.stopping` aborts.
   * @default nothing is waited for but the commands themselves
   */
  readonly loop?: Promise<unknown>
}

/**
 * A connection of ioredis that blocks (BLPOP, XREAD BLOCK) or subscribes: a source of work, so it stops with the
 * servers (phase `intake`), before what its work needs. The client is taken over: do not close it yourself.
 *
 * @throws LifecycleError `invalid-option`
 */
export function blockingRedis(client: RedisClient, options: BlockingRedisOptions = {}): Resource {
  const { name = 'redis (blocking)', commands, loop } = options
  const findId = rememberId(client)
  let draining: Promise<void> | undefined
  return {
    name,
    phase: 'intake',
    ...stepTimes(options, 'blockingRedis'),
    warnings: commands ? [] : [withoutCommands],
    start: createStart(client),
    check() {
      if (client.status !== 'ready') throw new Error(`not connected: the client is "${client.status}"`)
    },
    waitingFor: () => describeCommands(client),
    drain: ({ signal }) => (draining ??= drain(signal)),
    force: () => cutClient(client, new Error('the blocked command was cut: the service stops')),
  }

  async function drain(signal: AbortSignal): Promise<void> {
    let isOver = loop === undefined
    const over = Promise.resolve(loop).then(
      () => void (isOver = true),
      () => void (isOver = true),
    )
    while (commands && client.status === 'ready' && (countCommands(client) > 0 || !isOver)) {
      if (countCommands(client) > 0) await orAborted(unblock(client, commands, findId()), signal)
      await (isOver ? pause(retryMs, signal) : Promise.race([over, pause(retryMs, signal)]))
      signal.throwIfAborted()
    }
    if (!isOver && client.status === 'ready') await orAborted(over, signal)
    await closeClient(client, 0, signal)
  }
}

const withoutCommands =
  'no "commands" connection: a command that blocks without end (BLPOP key 0) is cut at the deadline, and the element that it has just popped may be lost. ' +
  'Pass { commands: client } with a client for commands; for a subscriber that is not needed.'

/** Asks for the connection's id each time it connects, before anything on it can block. */
function rememberId(client: RedisClient): () => string | undefined {
  let id: string | undefined
  const ask = (): void => {
    id = undefined
    client.call('client', 'ID').then(
      (answer) => void (id = String(answer)),
      () => {},
    )
  }
  client.on('connect', ask)
  if (client.status === 'connect' || client.status === 'ready') ask()
  return () => id
}

/** `CLIENT UNBLOCK` is decided by the server: a command that has just popped an element still delivers it. */
async function unblock(client: RedisClient, commands: RedisCommandClient, id: string | undefined): Promise<void> {
  const known = id ?? (await findIdByAddress(commands, localAddressOf(client)))
  if (known !== undefined) await commands.call('client', 'UNBLOCK', known)
}

/** For a connection that was blocked before it could be asked for its id. */
async function findIdByAddress(commands: RedisCommandClient, address: string | undefined): Promise<string | undefined> {
  if (address === undefined) return undefined
  const list = String(await commands.call('client', 'LIST'))
  const line = list.split('\n').find((line) => line.includes(` addr=${address} `))
  return /^id=(\d+) /.exec(line ?? '')?.[1]
}
