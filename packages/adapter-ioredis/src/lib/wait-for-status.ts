import { orAborted } from '@lameduck/core'
import type { RedisClient } from './redis-client.ts'

/** Resolves when the client has one of the statuses; ioredis emits each as an event of that name, one tick later. */
export async function waitForStatus(client: RedisClient, statuses: readonly string[], signal: AbortSignal): Promise<string> {
  if (statuses.includes(client.status)) return client.status
  let onStatus = (): void => {}
  const reached = new Promise<string>((resolve) => {
    onStatus = () => {
      if (statuses.includes(client.status)) resolve(client.status)
    }
    for (const status of statuses) client.on(status, onStatus)
  })
  try {
    return await orAborted(reached, signal)
  } finally {
    for (const status of statuses) client.off(status, onStatus)
  }
}
