import type { Intake } from './consumer.ts'
import type { TransportServer } from './transport-server.ts'

interface NatsTransport extends TransportServer {
  readonly natsClient?: { flush(): Promise<void>; closed(): Promise<unknown> } | null
  readonly subscriptions?: readonly { drain(): Promise<unknown> }[]
}

/** A drained subscription delivers what the client has already, which `unsubscribe()` throws away. */
export function natsConsumer(transport: NatsTransport): Intake {
  let stopping = false
  return {
    warnings: warnOfGracePeriod(transport),
    stop() {
      stopping = true
      return Promise.all((transport.subscriptions ?? []).map((subscription) => subscription.drain()))
    },
    // A reply is only in the client's buffer when `respond()` returns.
    flush: async () => transport.natsClient?.flush(),
    watch(ended) {
      void transport.natsClient?.closed().then((error) => stopping || ended(error ?? new Error('the connection to NATS is closed')))
    },
  }
}

/** Nest's own graceful shutdown is a fixed time, and nothing is left to wait for. */
function warnOfGracePeriod({ options }: NatsTransport): string[] {
  if (options?.['gracefulShutdown'] !== true) return []
  const { gracePeriod = 10_000 } = options as { gracePeriod?: number }
  return [`the NATS microservice waits another ${gracePeriod} ms (gracePeriod) when everything is drained. Take gracefulShutdown out.`]
}
