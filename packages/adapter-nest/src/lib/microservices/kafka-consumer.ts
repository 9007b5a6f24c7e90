import type { Handlers } from '../track-handlers.ts'
import type { Intake } from './consumer.ts'
import type { TransportServer } from './transport-server.ts'

/** A consumer of kafkajs. */
interface Consumer {
  readonly events: { readonly GROUP_JOIN: string; readonly CRASH: string }
  on(event: string, listener: (event: { readonly payload: unknown }) => void): unknown
  pause(topics: { topic: string }[]): void
  stop(): Promise<void>
}

interface KafkaTransport extends TransportServer {
  readonly consumer?: Consumer | null
}

/**
 * With automatic commits `consumer.stop()` at once: messages in hand are handled and committed. A handler that commits by hand could not after
 * that, for `commitOffsets()` of a stopped consumer does nothing and says nothing; so the topics are paused, and the consumer is stopped when the
 * last handler has ended. kafkajs ends the open fetch before it has stopped, for up to `maxWaitTimeInMs`; `app.close()` waits for that.
 */
export function kafkaConsumer(transport: KafkaTransport, handlers: Handlers): Intake {
  let topics: readonly string[] = []

  return {
    stop() {
      const { consumer } = transport
      if (!consumer) return undefined
      const { autoCommit } = (transport.options?.['run'] ?? {}) as { autoCommit?: unknown }
      if (autoCommit !== false || handlers.count() === 0) stop(consumer)
      else stopBehindHandlers(consumer)
      return undefined
    },
    watch(ended) {
      const { consumer } = transport
      consumer?.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        topics = Object.keys((payload as { memberAssignment?: object }).memberAssignment ?? {})
      })
      consumer?.on(consumer.events.CRASH, ({ payload }) => {
        const { error, restart } = payload as { error?: unknown; restart?: boolean }
        if (restart === false) ended(error)
      })
    },
  }

  function stopBehindHandlers(consumer: Consumer): void {
    const subscribed = [...(transport.messageHandlers?.keys() ?? [])].filter((pattern) => typeof pattern === 'string')
    consumer.pause([...new Set([...subscribed, ...topics])].map((topic) => ({ topic })))
    const unsubscribe = handlers.onEnd?.(() => {
      if (handlers.count() > 0) return
      unsubscribe?.()
      stop(consumer)
    })
  }
}

/** It waits for the handlers itself, which the drain does anyhow, and for a fetch that nobody wants. */
function stop(consumer: Consumer): void {
  consumer.stop().catch(() => {})
}
