import { cutError, orAborted } from '@lameduck/core'
import { kindOf } from './commands-of.ts'
import { cutClient } from './cut-client.ts'
import type { RedisClient } from './redis-client.ts'
import { waitForStatus } from './wait-for-status.ts'

/**
 * Connects a client that has `lazyConnect`, and waits for one that connects by itself. One that is not connected when the
 * signal aborts is cut: what has not started is not drained.
 */
export function createStart(client: RedisClient, name: string): (context: { readonly signal: AbortSignal }) => Promise<void> {
  return async ({ signal }) => {
    // What connect() rejects with is the first attempt's; ioredis goes on trying, and so does this wait.
    if (client.status === 'wait') void client.connect().catch(() => {})
    try {
      const status = await orAborted(waitForStatus(client, ['ready', 'monitoring', 'end'], signal), signal)
      if (status === 'end') throw new Error('the client has ended: it gave up connecting (its retryStrategy), or was closed')
    } catch (error) {
      cutClient(client, (command) => cutError(name, kindOf(command)))
      throw error
    }
  }
}
