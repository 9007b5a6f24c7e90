import { commandsOf } from './commands-of.ts'
import type { RedisClient, RedisConnection } from './redis-client.ts'
import { createUnblocker, type Unblocker } from './unblock.ts'

/** Time between two attempts to end a blocked command, when the last one failed, in ms. */
const retryFailedMs = 500

export interface Unblockers {
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
export function createUnblockers(client: RedisClient): Unblockers {
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
