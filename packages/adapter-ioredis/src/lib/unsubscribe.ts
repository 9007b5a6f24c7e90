import { orAborted } from '@lameduck/core'
import { within } from './within.ts'
import { internalsOf } from './client-internals.ts'
import { goodbyeMs } from './close-client.ts'
import { sendAside } from './commands-of.ts'
import type { RedisClient } from './redis-client.ts'
import { connectionsOf } from './track-connections.ts'

/** Ends every subscription of the client. When it resolves, what was published before has been handed out, and nothing follows. */
export async function unsubscribe(client: RedisClient, signal: AbortSignal): Promise<void> {
  const answers = subscriptionsOf(client).filter(({ connection }) => connection.status === 'ready').flatMap(endSubscriptions)
  if (answers.length === 0) return
  await within(goodbyeMs, '', signal, (signal) => orAborted(Promise.allSettled(answers), signal)).catch(() => signal.throwIfAborted())
}

interface Subscription {
  readonly connection: RedisClient
  readonly channels: readonly string[]
  readonly patterns: readonly string[]
  readonly shards: readonly string[]
}

/** What each connection of the client is subscribed to; only those that are. */
export function subscriptionsOf(client: RedisClient): readonly Subscription[] {
  const connections = client.nodes ? connectionsOf(client).helping : [client]
  return connections.flatMap((connection) => {
    const { subscriber } = internalsOf(connection).condition ?? {}
    const [channels = [], patterns = [], shards = []] = ['subscribe', 'psubscribe', 'ssubscribe'].map((kind) => (subscriber ? subscriber.channels?.(kind) : []))
    return channels.length + patterns.length + shards.length > 0 ? [{ connection, channels, patterns, shards }] : []
  })
}

function endSubscriptions({ connection, channels, patterns, shards }: Subscription): Promise<unknown>[] {
  const send = (command: string, names: readonly string[]): Promise<unknown> => sendAside(connection, () => connection.call(command, ...names))
  return [
    ...(channels.length > 0 ? [send('unsubscribe', channels)] : []),
    ...(patterns.length > 0 ? [send('punsubscribe', patterns)] : []),
    // One by one: in a Cluster they may be of different slots.
    ...shards.map((shard) => send('sunsubscribe', [shard])),
  ]
}
