import { canFlush } from './client-internals.ts'
import type { RedisClient } from './redis-client.ts'

type Options = Readonly<Record<string, unknown>>

/** What about the client's configuration hurts a stop, each with the fix. */
export function listWarnings(client: RedisClient, use: 'commands' | 'blocking'): string[] {
  const own = client.options as Options
  const options: Options = client.nodes ? { ...own, ...(own['redisOptions'] as Options | undefined) } : own
  // The nodes of a Cluster are not connected again, so that nothing waits for that.
  const reconnects = !client.nodes || typeof own['clusterNodeRetryStrategy'] === 'function'
  const warnings: string[] = []
  if (reconnects && use === 'commands' && options['maxRetriesPerRequest'] === null) {
    warnings.push('maxRetriesPerRequest is null: while Redis is away, commands wait without end and whoever awaits them cannot drain. Set it to a number (ioredis has 20).')
  }
  if (reconnects && options['autoResendUnfulfilledCommands'] === false && typeof options['commandTimeout'] !== 'number') {
    warnings.push(
      'autoResendUnfulfilledCommands is false: when a connection is lost and comes back, ioredis forgets the commands that were in flight, and whoever awaits them waits for ever. ' +
        'Leave it at true, or set commandTimeout.',
    )
  }
  if (Array.isArray(options['sentinels']) && typeof options['sentinelCommandTimeout'] !== 'number') {
    warnings.push('there is no sentinelCommandTimeout: a sentinel that accepts connections and answers nothing keeps the client from asking the next one. Set it, say to 1000.')
  }
  for (const name of use === 'blocking' ? ['commandTimeout', 'socketTimeout', 'blockingTimeout'] : []) {
    if (typeof options[name] !== 'number') continue
    warnings.push(
      `${name} is ${String(options[name])}: ioredis gives a blocked command up by itself while the server still waits, and the element that it pops then is lost. ` +
        `Leave ${name} out for this connection, and let the command end by its own timeout (BLPOP key 5).`,
    )
  }
  if (!canFlush(client)) {
    warnings.push('this client has no flushQueue: a cut cannot settle the commands that wait for a connection. Use ioredis 5.4 or later.')
  }
  return warnings
}
