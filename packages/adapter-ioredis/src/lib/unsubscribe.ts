import { orAborted } from '@lameduck/core'
import { within } from './within.ts'
import { internalsOf } from './client-internals.ts'
import { goodbyeMs } from './close-client.ts'
import { sendAside } from './commands-of.ts'
import type { RedisClient } from './redis-client.ts'
import { connectionsOf } from './track-connections.ts'

/** Ends every subscription of the client. When it resolves, what was published before has been handed out, and nothing follows. */
export async function unsubscribe(client: RedisClient, signal: AbortSignal): Promise<void> {
  const connections = client.nodes ? connectionsOf(client).helping : [client]
  const answers = connections.filter(({ status }) => status === 'ready').flatMap(endSubscriptions)
  if (answers.length === 0) return
  await within(goodbyeMs, '', signal, (signal) => orAborted(Promise.allSettled(answers), signal)).catch(() => signal.throwIfAborted())
}

function endSubscriptions(connection: RedisClient): Promise<unknown>[] {
  const { subscriber } = internalsOf(connection).condition ?? {}
  if (!subscriber) return []
  const channelsOf = (kind: string): readonly string[] => subscriber.channels?.(kind) ?? []
  const send = (command: string, ...channels: string[]): Promise<unknown> => sendAside(connection, () => connection.call(command, ...channels))
  const [channels, patterns] = [channelsOf('subscribe'), channelsOf('psubscribe')]
  return [
    ...(channels.length > 0 ? [send('unsubscribe', ...channels)] : []),
    ...(patterns.length > 0 ? [send('punsubscribe', ...patterns)] : []),
    // One by one: in a Cluster they may be of different slots.
    ...channelsOf('ssubscribe').map((channel) => send('sunsubscribe', channel)),
  ]
}
