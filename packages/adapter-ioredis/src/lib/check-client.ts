import { orAborted } from '@lameduck/core'
import { within } from './abortable.ts'
import type { RedisClient } from './redis-client.ts'

/**
 * A readiness check: the client's status, then one PING. While a PING is unanswered the next check waits for the same
 * one, so that a silent server does not collect them; a client that is not ready is not asked, since it would queue it.
 */
export function createCheck(client: RedisClient, timeoutMs: number): (context: { readonly signal: AbortSignal }) => Promise<void> {
  let ping: Promise<unknown> | undefined
  return async ({ signal }) => {
    if (client.status !== 'ready') throw new Error(`not connected: the client is "${client.status}"`)
    const mine = (ping ??= client.ping().finally(() => (ping = undefined)))
    await within(timeoutMs, `no answer to PING within ${timeoutMs} ms`, signal, (signal) => orAborted(mine, signal))
  }
}
