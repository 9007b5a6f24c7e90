import type { Handlers } from '../track-handlers.ts'
import type { PatternHandler, TransportServer } from './transport-server.ts'

/**
 * Counts the messages that one microservice handles, and its replies until the broker has them.
 *
 * @param onBegin called with the context of a message when it begins; what it returns is called when it has ended
 * @returns what takes in the handlers that were registered meanwhile
 */
export function trackMessages(server: TransportServer, handlers: Handlers, onBegin?: (context: unknown) => (() => void) | undefined): () => void {
  /** Contexts of messages that nobody waits for: their failures are answered to nobody. */
  const events = new WeakSet<object>()
  const tracked = new WeakSet<PatternHandler>()

  const { send, handleEvent } = server
  if (send) server.send = (stream, respond) => send.call(server, stream, (packet) => handlers.reply(() => respond(packet)))
  if (handleEvent) {
    server.handleEvent = (pattern, packet, context) => {
      if (typeof context === 'object' && context !== null) events.add(context)
      return handleEvent.call(server, pattern, packet, context)
    }
  }
  takeIn()
  return takeIn

  function takeIn(): void {
    for (const map of [server.messageHandlers, server.wildcardHandlers]) {
      if (!(map instanceof Map)) continue
      for (const [pattern, handler] of map) {
        if (tracked.has(handler)) continue
        const proxy: PatternHandler = handlers.track(handler, String(pattern), ([, context]) => !events.has(context as object), onBegin && (([, context]) => onBegin(context)))
        tracked.add(proxy)
        map.set(pattern, proxy)
      }
    }
  }
}
