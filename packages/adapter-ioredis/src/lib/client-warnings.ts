import { canFlush, internalsOf } from './client-internals.ts'
import type { RedisClient } from './redis-client.ts'
import { subscriptionsOf } from './unsubscribe.ts'

type Options = Readonly<Record<string, unknown>>

/** What about the client's configuration hurts a stop, each with the fix. */
export function listWarnings(client: RedisClient, use: 'commands' | 'blocking'): string[] {
  const own = client.options as Options
  const options: Options = client.nodes ? { ...own, ...(own['redisOptions'] as Options | undefined) } : own
  // The nodes of a Cluster are not connected again, so that nothing waits for that.
  const reconnects = !client.nodes || typeof own['clusterNodeRetryStrategy'] === 'function'
  const warnings: string[] = []
  if (reconnects && use === 'commands' && options['maxRetriesPerRequest'] === null && !isOfBullMq(client)) {
    warnings.push(
      'maxRetriesPerRequest is null: while Redis is away, commands wait without end and whoever awaits them cannot drain. ' +
        'Set it to a number (ioredis has 20). Only a client of BullMQ needs null: leave it to BullMQ alone, and send your own commands over another one.',
    )
  }
  if (use === 'commands' && subscriptionsOf(client).length > 0) {
    warnings.push('the client subscribes, and nothing of what its listeners do is waited for. Register it by blockingRedis() in place of redis().')
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

/** BullMQ demands `maxRetriesPerRequest: null`. Its own clients have its name; to one that it was given it adds commands of its own, by name and version. */
function isOfBullMq(client: RedisClient): boolean {
  const { connectionName, redisOptions } = client.options as { readonly connectionName?: unknown; readonly redisOptions?: { readonly connectionName?: unknown } }
  const commands = Object.keys(internalsOf(client).scriptsSet ?? {})
  return [connectionName, redisOptions?.connectionName].some((name) => typeof name === 'string' && name.startsWith('bull:')) || commands.some((name) => /^\w+(?:-\d+)?:\d+\.\d+\.\d+/.test(name))
}
