import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'

export interface Pusher {
  /** Elements whose push was answered, each another one. */
  readonly pushed: readonly string[]
  /** Ends the pushing and tells what is in the queue then. */
  stop(): Promise<readonly string[]>
}

const pushEveryMs = 2

/** Pushes elements to a list, also when the list's server is away for a while. */
export function startPushing(redisUrl: string, key: string): Pusher {
  // A push whose answer was lost must not be repeated, or there would be one element twice.
  const redis = new Redis(redisUrl, { retryStrategy: () => 50, maxRetriesPerRequest: 1, autoResendUnfulfilledCommands: false })
  redis.on('error', () => {})
  const pushed: string[] = []
  let isOver = false
  const pushing = push()

  return {
    pushed,
    async stop() {
      isOver = true
      await pushing
      const left = await redis.lrange(key, 0, -1)
      redis.disconnect()
      return left
    },
  }

  async function push(): Promise<void> {
    for (let next = 0; !isOver; next += 1) {
      const answer = await redis.rpush(key, String(next)).catch(() => undefined)
      if (answer !== undefined) pushed.push(String(next))
      await delay(pushEveryMs)
    }
  }
}
