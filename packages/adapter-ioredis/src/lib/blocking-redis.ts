import { orAborted, show, type Resource } from '@lameduck/core'
import { pause } from './abortable.ts'
import { listWarnings } from './client-warnings.ts'
import { closeClient } from './close-client.ts'
import { commandsOf, countCommands, describeCommands } from './commands-of.ts'
import { cutClient, stopError } from './cut-client.ts'
import type { RedisClient, RedisConnection } from './redis-client.ts'
import { requireClient } from './require-client.ts'
import { createStart } from './start-client.ts'
import { stepOptions, type StepOptions } from './step-options.ts'
import { trackConnections } from './track-connections.ts'
import { createUnblocker, type Unblocker } from './unblock.ts'

/**
 * Time between two attempts to end a blocked command, in ms: one that was still on its way to the server when the
 * first attempt arrived is blocked only afterwards.
 */
const retryMs = 20

/** The same, after an attempt that failed, in ms. */
const retryFailedMs = 500

export interface BlockingRedisOptions extends StepOptions {
  /** Unique in one lifecycle. @default 'redis (blocking)' */
  readonly name?: string
  /**
   * The promise of the loop that reads from this connection. It is waited for, so that what was read last is handled
   * before the connection closes. The loop must end when `lifecycle.stopping` aborts; when it fails, so does the drain.
   * @default nothing is waited for but the commands themselves
   */
  readonly loop?: Promise<unknown>
}

/**
 * A client of ioredis that blocks (BLPOP, XREAD BLOCK) or subscribes: a source of work, so it stops with the
 * servers (phase `intake`), before what its work needs. The client is taken over: do not close it yourself.
 *
 * A blocked command is ended by `CLIENT UNBLOCK` over a second connection, which is opened for that; in a Cluster, one for each
 * node on which something is blocked.
 *
 * @throws LifecycleError `invalid-resource` when `client` is none of ioredis, `invalid-option`
 */
export function blockingRedis(client: RedisClient, options: BlockingRedisOptions = {}): Resource {
  requireClient(client, 'blockingRedis')
  const { name = 'redis (blocking)', phase = 'intake', loop } = options
  trackConnections(client)
  const unblockers = createUnblockers(client)
  let draining: Promise<void> | undefined
  let isOver = loop === undefined
  return {
    name,
    phase,
    ...stepOptions(options, 'blockingRedis'),
    warnings: listWarnings(client, 'blocking'),
    start: createStart(client),
    check() {
      if (client.status !== 'ready' && client.status !== 'monitoring') throw new Error(`not connected: the client is "${client.status}"`)
    },
    waitingFor: () => [...describeCommands(client), ...unblockers.refusals(), ...(draining && !isOver ? ['the end of the loop'] : [])],
    drain: ({ signal }) => (draining ??= drain(signal)),
    force() {
      unblockers.close()
      cutClient(client, stopError('the blocked command was cut: the service stops'))
    },
  }

  async function drain(signal: AbortSignal): Promise<void> {
    const lost = stopError('the blocked command was given up with its lost connection: the service stops')
    let failure: unknown
    const over = Promise.resolve(loop)
      .catch((error: unknown) => void (failure = error))
      .then(() => void (isOver = true))
    try {
      while (client.status === 'ready' && (countCommands(client) > 0 || !isOver)) {
        unblockers.unblock(signal)
        await (isOver ? pause(retryMs, signal) : Promise.race([over, pause(retryMs, signal)]))
        signal.throwIfAborted()
      }
    } finally {
      unblockers.close()
    }
    // A command that waits for a lost connection has nothing to bring; sent again, it would.
    if (client.status !== 'ready') cutClient(client, lost)
    await orAborted(over, signal)
    await closeClient(client, 0, signal)
    if (failure !== undefined && failure !== lost) throw new Error(`the loop failed: ${failure instanceof Error ? failure.message : show(failure)}`, { cause: failure })
  }
}

interface Unblockers {
  /** Returns at once; connections whose last attempt has not been answered are left alone. */
  unblock(signal: AbortSignal): void
  /** Why the last attempt failed, for connections on which something still waits. */
  refusals(): readonly string[]
  close(): void
}

interface Attempts {
  readonly unblocker: Unblocker
  notBefore: number
  refusal?: string | undefined
}

/** One for the connection, or for each connection of a Cluster. */
function createUnblockers(client: RedisClient): Unblockers {
  let isClosed = false
  const all = new Map<RedisClient, Attempts>()
  const add = (connection: RedisClient): void => {
    all.set(connection, { unblocker: createUnblocker(connection as RedisConnection), notBefore: 0 })
    // One that is not a node may be connected again.
    if (connection === client) return
    connection.on('end', () => {
      all.get(connection)?.unblocker.close()
      all.delete(connection)
    })
  }
  if (client.nodes) client.on('+node', (node) => add(node as RedisClient))
  for (const connection of client.nodes?.() ?? [client]) add(connection)
  return {
    unblock(signal) {
      for (const [connection, attempts] of all) {
        if (connection.status !== 'ready' || commandsOf(connection).length === 0 || performance.now() < attempts.notBefore) continue
        attempts.notBefore = Infinity
        attempts.unblocker.unblock(signal).then(
          () => Object.assign(attempts, { notBefore: 0, refusal: undefined }),
          (error: Error) => {
            if (isClosed) return
            Object.assign(attempts, { notBefore: performance.now() + retryFailedMs, refusal: `CLIENT UNBLOCK, which failed: ${error.message}` })
          },
        )
      }
    },
    refusals() {
      const refused = [...all].filter(([connection]) => commandsOf(connection).length > 0)
      return [...new Set(refused.flatMap(([, { refusal }]) => refusal ?? []))]
    },
    close() {
      isClosed = true
      for (const { unblocker } of all.values()) unblocker.close()
    },
  }
}
