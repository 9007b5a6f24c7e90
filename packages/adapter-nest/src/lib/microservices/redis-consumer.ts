import type { Intake } from './consumer.ts'
import type { TransportServer } from './transport-server.ts'

interface RedisTransport extends TransportServer {
  /** Made when it listens. */
  readonly subClient?: {
    unsubscribe(): Promise<unknown>
    punsubscribe(): Promise<unknown>
    once(event: 'end', listener: () => void): unknown
  }
}

/** Its replies are awaited one by one, so nothing is left to flush. */
export function redisConsumer(transport: RedisTransport): Intake {
  let stopping = false
  return {
    stop() {
      stopping = true
      const { subClient } = transport
      return subClient && Promise.all([subClient.unsubscribe(), subClient.punsubscribe()])
    },
    // Without `retryAttempts` Nest does not connect again.
    watch(ended) {
      transport.subClient?.once('end', () => stopping || ended(new Error('the connection to Redis is lost, and no further attempt is made (retryAttempts)')))
    },
  }
}
