import type { Server as HttpServer } from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { LifecycleError, requireMs, show, type Resource } from '@lameduck/core'
import { closeListener } from './close-listener.ts'
import { closeUpgraded as closeUpgradedByDefault } from './close-upgraded.ts'
import { trackConnections } from './connections.ts'
import { drainServer, forceServer } from './drain-server.ts'
import { warnOfKeepAlive } from './keep-alive-warning.ts'
import { watchStartup, type ListenAddress } from './startup.ts'
import { listWaiting, statsOf, type HttpServerStats } from './stats.ts'

/** The servers of `node:http`, `node:https` and `node:http2` (with and without TLS, with and without `allowHTTP1`). */
export type DrainableServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer

/** How a server takes part in the life of a service. */
export interface HttpServerOptions {
  /** Unique in one lifecycle. @default 'http' */
  readonly name?: string
  /** Lets `start()` call `listen`; without it the application does, before or after. */
  readonly listen?: ListenAddress
  /**
   * Time from its accept that a connection on which nothing has arrived gets for its first request when the server
   * closes, in ms. Balancers and browsers open connections ahead of use. @default 500
   */
  readonly unusedGraceMs?: number
  /**
   * Called once per upgraded socket when the lame duck is over; `protocol` is the request's `Upgrade` header in lower
   * case, empty for CONNECT. It should make the socket close soon; one that does not is destroyed at the deadline. A promise that it returns is awaited.
   * @default a WebSocket gets a close frame 1001 ("going away"), anything else is ended; what another stream is piped into is destroyed
   */
  readonly closeUpgraded?: (socket: Duplex, protocol: string) => unknown
  /**
   * Time over which the calls of `closeUpgraded` are spread when the lame duck is over, in ms, so that thousands of clients do not
   * come back to the other replicas in one moment; never more than half of the time that is left. @default 1 for each upgraded socket
   */
  readonly upgradedSpreadMs?: number
  /**
   * How long the balancer in front keeps an idle connection to this server, in ms (AWS ALB 60 000, nginx 60 000, Google 600 000).
   * With it, a warning says when the server closes idle connections earlier than the balancer, which is a 502 now and then. @default no check
   */
  readonly upstreamIdleMs?: number
  /** Longest time the drain may take, in ms. @default the policy's value for `intake` */
  readonly timeoutMs?: number
  /** Time that is guaranteed to the drain, in ms. @default the policy's value for `intake` */
  readonly reserveMs?: number
}

/** A server as a resource. */
export interface HttpServerResource extends Resource {
  /** What the server is doing right now; costs one walk over its connections. */
  stats(): HttpServerStats
}

/**
 * Makes a server leave without losing a request.
 *
 * From the signal on, every HTTP/1 answer says `Connection: close` while the server goes on accepting; when the lame duck is over
 * it empties the accept queue, closes the listener, ends idle connections, says GOAWAY on HTTP/2 and 1001 on WebSockets,
 * finishes what is in flight, and is done when the last connection is gone.
 *
 * Attach it when the server is made, in the tick of `listen` at the latest. Later, connections that are open already are listed
 * by what Node keeps of them, which leaves out upgraded ones over TLS, and HTTP/2 before Node 24. The server stays the
 * caller's: whoever else closes it meanwhile is right.
 *
 * @throws LifecycleError `invalid-option` when it is not a server, or an option is wrong.
 */
export function httpServer(server: DrainableServer, options: HttpServerOptions = {}): HttpServerResource {
  const { name = 'http', listen, unusedGraceMs = 500, closeUpgraded = closeUpgradedByDefault, upgradedSpreadMs, upstreamIdleMs, timeoutMs, reserveMs } = options
  requireServer(server)
  requireMs(unusedGraceMs, 'unusedGraceMs')
  if (upgradedSpreadMs !== undefined) requireMs(upgradedSpreadMs, 'upgradedSpreadMs')
  if (upstreamIdleMs !== undefined) requireMs(upstreamIdleMs, 'upstreamIdleMs')
  if (typeof closeUpgraded !== 'function') {
    throw new LifecycleError('invalid-option', `closeUpgraded must be a function; it is ${show(closeUpgraded)}`)
  }
  const net: Server = server
  const start = watchStartup(net, name, listen)
  const connections = trackConnections(net)
  let quiesced = false
  let stopping = false
  let closed = !net.listening

  net.on('listening', () => {
    closed = false
    // A `listen` that was still looking up its host when the stop came.
    if (stopping) closeListener(net)
  })
  net.on('close', () => {
    closed = true
    // Whoever listens again begins a new life.
    stopping = false
    quiesced = false
    connections.announceClose(false)
  })

  return {
    name,
    phase: 'intake',
    drainFrom: 'lame-duck-end',
    ...(timeoutMs === undefined ? {} : { timeoutMs: requireMs(timeoutMs, 'timeoutMs') }),
    ...(reserveMs === undefined ? {} : { reserveMs: requireMs(reserveMs, 'reserveMs') }),
    get warnings() {
      return warnOfKeepAlive(name, server, upstreamIdleMs)
    },
    start,
    preStop: (announced) => connections.announceClose(announced || quiesced),
    quiesce() {
      quiesced = true
      connections.announceClose(true)
    },
    inFlight: () => connections.inFlight,
    lastArrival: () => connections.lastArrival,
    waitingFor: () => listWaiting(connections),
    drain({ remaining, signal }) {
      stopping = true
      return drainServer({ server: net, connections, isClosed: () => closed, remaining, signal, unusedGraceMs, upgradedSpreadMs, closeUpgraded })
    },
    force() {
      stopping = true
      forceServer(net, connections)
    },
    stats: () => statsOf(connections),
  }
}

function requireServer(server: unknown): void {
  if (server instanceof Server) return
  throw new LifecycleError(
    'invalid-option',
    `httpServer() needs a server of node:http, https or http2; it was given ${show(server)}. Of an Express app, pass what app.listen() returns; of a Fastify app, app.server.`,
  )
}
