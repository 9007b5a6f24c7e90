import type { Handler } from '../track-handlers.ts'

/**
 * What is used of a `Server` of @nestjs/microservices. None of it is in Nest's documentation; all of it is alike in Nest 10, 11 and 12, and a
 * strategy of the application's own may lack any of it.
 */
export interface TransportServer {
  /** Of Nest's own transports one of `transports`. */
  readonly transportId?: unknown
  readonly options?: Readonly<Record<string, unknown>>
  readonly messageHandlers?: Map<unknown, PatternHandler>
  /** RMQ keeps the handlers of its wildcards once more. */
  readonly wildcardHandlers?: Map<unknown, PatternHandler>
  listen: (callback: (...parameters: unknown[]) => void) => unknown
  /** Replies with what the stream of a handler gives. */
  send?: (stream: unknown, respond: (packet: unknown) => unknown) => unknown
  /** For messages that nobody waits for. */
  handleEvent?: (pattern: unknown, packet: unknown, context: unknown) => unknown
}

/** Handlers of the same event are a chain: the first one calls the next. */
export interface PatternHandler extends Handler {
  readonly isEventHandler?: boolean
}

/** Nest's own enum `Transport`, which has to be imported from a package that is not needed without microservices. */
export const transports = ['TCP', 'Redis', 'NATS', 'MQTT', 'gRPC', 'RabbitMQ', 'Kafka'] as const

export type TransportName = (typeof transports)[number]

/** `undefined` for a strategy of the application's own. */
export function transportOf({ transportId }: TransportServer): TransportName | undefined {
  return typeof transportId === 'number' ? transports[transportId] : undefined
}
