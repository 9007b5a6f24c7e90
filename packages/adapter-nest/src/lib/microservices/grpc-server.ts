import { lateWorkMs, untilIdle, type Tally } from '@lameduck/core'
import { httpServer, type DrainableServer, type HttpServerResource } from '@lameduck/http'
import { sumOf, type Part, type ServerOptions } from '../part.ts'
import type { Handlers } from '../track-handlers.ts'
import { trackCalls, type GrpcMethod } from './grpc-calls.ts'
import type { TransportServer } from './transport-server.ts'

interface GrpcTransport extends TransportServer {
  /** A `Server` of @grpc/grpc-js, made when it listens. */
  readonly grpcClient?: GrpcServer | null
}

/** Both maps are private to it. */
interface GrpcServer {
  tryShutdown(done: (error?: Error) => void): void
  readonly http2Servers?: ReadonlyMap<DrainableServer, unknown>
  /** By path. */
  readonly handlers?: ReadonlyMap<string, GrpcMethod>
}

export interface GrpcInput {
  /** Of the resource, for the errors. */
  readonly name: string
  readonly options: ServerOptions
  readonly transport: GrpcTransport
  readonly handlers: Handlers
}

/**
 * gRPC is HTTP/2, so its servers are drained as such: calls are served through the lame duck, then clients are told to go (GOAWAY, in two steps
 * where there is no TLS), and what is under way is answered. `tryShutdown()` of grpc-js does the last alone, and waits for ever for a client
 * whose handshake it has overtaken. Handlers are waited for as well, since a call may be given up by its client before its handler has ended.
 */
export function grpcServer({ name, options, transport, handlers }: GrpcInput): Part & { onListening(): void } {
  const servers = new Map<DrainableServer, HttpServerResource>()
  const tracked = new WeakSet<object>()
  const { inFlight, lastArrival, waitingFor, tally } = sumOf(() => [...servers.values()])

  return {
    // The calls, and not their handlers as well, which are the same work.
    inFlight: () => inFlight() || handlers.count(),
    lastArrival,
    waitingFor: () => (inFlight() > 0 ? waitingFor() : handlers.waitingFor()),
    tally: () => withHandlers(tally(), handlers.tally.read().cut),
    onListening: follow,
    quiesce(context) {
      follow()
      for (const server of servers.values()) server.quiesce?.(context)
    },
    async drain(context) {
      // It knows the clients that came before it was followed, which Node before 24 does not list.
      const isLate = setTimeout(() => transport.grpcClient?.tryShutdown(() => {}), lateWorkMs)
      try {
        await Promise.all([...servers.values()].map(async (server) => server.drain(context)))
        await untilIdle(handlers, context.signal)
      } finally {
        clearTimeout(isLate)
      }
    },
    force(context) {
      for (const server of servers.values()) void server.force?.(context)
    },
  }

  function follow(): void {
    const { http2Servers, handlers: methods } = transport.grpcClient ?? {}
    for (const server of http2Servers?.keys() ?? []) if (!servers.has(server)) servers.set(server, httpServer(server, { ...options, name }))
    for (const [path, method] of methods ?? []) {
      if (tracked.has(method)) continue
      tracked.add(method)
      // By its path, and not Nest's own: Nest hands its handlers over when it begins to listen, which may have been before.
      method.func = trackCalls(method, path, handlers)
    }
  }
}

/** A call that was answered by its deadline is not done when its handler is cut afterwards. */
function withHandlers(calls: Tally, handlersCut: number): Tally {
  const more = Math.max(0, handlersCut - calls.cut - calls.unknown)
  return { ...calls, cut: calls.cut + more, done: Math.max(0, calls.done - more) }
}
