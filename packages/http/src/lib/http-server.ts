import type { Server as HttpServer } from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { LifecycleError, phases, requireMs, show, type DrainContext, type InHand, type Phase, type Resource } from '@lameduck/core'
import { attach, requireUnattached } from './attach-once.ts'
import { closeListener } from './close-listener.ts'
import { closeUpgraded as closeUpgradedByDefault } from './close-upgraded.ts'
import { trackConnections } from './connections.ts'
import { drainServer, forceServer } from './drain-server.ts'
import { keepHandlerPromises } from './handler-promises.ts'
import { warnOfKeepAlive } from './keep-alive-warning.ts'
import { keepLongAnswers } from './long-answers.ts'
import { workFilter, type NotWork } from './not-work.ts'
import { watchStartup, type ListenAddress } from './startup.ts'
import { statsOf, type HttpServerStats } from './stats.ts'
import { createStopCounts } from './stop-counts.ts'
import { listWaiting } from './waiting.ts'

/** The servers of `node:http`, `node:https` and `node:http2` (with and without TLS, with and without `allowHTTP1`). */
export type DrainableServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer

/** How a server takes part in the life of a service. */
export interface HttpServerOptions {
  /** Unique in one lifecycle. @default 'http' */
  readonly name?: string
  /** Lets `start()` call `listen`; without it the application does, before or after. */
  readonly listen?: ListenAddress
  /**
   * When it drains. In `intake` it goes on serving through the lame duck. In a later phase it goes on until everything before has stopped,
   * and its requests do not stretch the lame duck: for metrics and administration. @default 'intake'
   */
  readonly phase?: Phase
  /**
   * Requests that nobody would miss, and that do not stretch the lame duck: paths (`/healthz`), with `/*` at the end all below
   * (`/internal/*`), compared with the path as the client sent it; or a function that knows them. What `@lameduck/probes` answers, the gRPC
   * health service, and the checks and scrapers of Kubernetes, AWS, Google, Consul, Envoy and Prometheus are known by themselves, by their
   * `User-Agent`. @default no others
   */
  readonly notWork?: NotWork
  /**
   * Called when the lame duck is over and the listener is closed, before connections are ended: the moment to tell a library that
   * holds requests open (socket.io, GraphQL subscriptions). The drain waits for what it returns; what it throws fails the step.
   * @default nothing
   */
  readonly onDrain?: (context: DrainContext) => unknown
  /**
   * Time from its accept that a connection on which nothing has arrived gets for its first request when the server
   * closes, in ms. Balancers and browsers open connections ahead of use. @default 500
   */
  readonly unusedGraceMs?: number
  /**
   * How long the drain waits for what has nothing of the application in it, in ms: a TLS handshake that has stopped, half of a
   * request's head, an upgrade that is not answered, an upgraded socket whose client does not react to its goodbye. Then it is
   * destroyed, which is no loss. @default 5000
   */
  readonly unbegunGraceMs?: number
  /**
   * Called once per upgraded socket when the lame duck is over; `protocol` is the request's `Upgrade` header in lower
   * case, empty for CONNECT. It should make the socket close soon; one on which nothing moves for `unbegunGraceMs` is destroyed. A promise that it returns is awaited.
   * @default a WebSocket gets a close frame 1001 ("going away"), anything else is ended; what another stream is piped into is destroyed when
   * nothing has moved on it for a second, at the latest after `unbegunGraceMs`
   */
  readonly closeUpgraded?: (socket: Duplex, protocol: string) => unknown
  /**
   * Time over which the calls of `closeUpgraded` and the ends of `endOnDrain` are spread when the lame duck is over, in ms, so that thousands of
   * clients do not come back to the other replicas in one moment; never more than half of the time that is left. @default 1 for each
   */
  readonly upgradedSpreadMs?: number
  /**
   * What messages on upgraded sockets begin, such as a `trackedWork` around their handlers. Then goodbyes wait until it is idle by the rule of
   * `untilIdle`, at most half of the time that is left. What is in hand then is `unknown`, for its answers reach nobody; beyond that no message
   * is doubted because nobody has answered it.
   * @default none: a WebSocket whose client has the last word is given 2 s for the answer, and is `unknown` in the report without one
   */
  readonly upgradedWork?: InHand
  /**
   * How long the balancer in front keeps an idle connection to this server, in ms (AWS ALB 60 000, nginx 60 000, Google 600 000).
   * With it, a warning says when the server closes idle connections earlier than the balancer, which is a 502 now and then. @default no check
   */
  readonly upstreamIdleMs?: number
  /** Longest time the drain may take, in ms. @default the policy's value for the phase */
  readonly timeoutMs?: number
  /** Time that is guaranteed to the drain, in ms. @default the policy's value for the phase */
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
 * @throws LifecycleError `invalid-option` when it is not a server, another resource drains it, or an option is wrong; under Bun and Deno, whose servers are not Node's, always.
 */
export function httpServer(server: DrainableServer, options: HttpServerOptions = {}): HttpServerResource {
  const { name = 'http', listen, phase = 'intake', notWork, onDrain, unusedGraceMs = 500, unbegunGraceMs = 5_000, ...rest } = options
  const { closeUpgraded = closeUpgradedByDefault, upgradedSpreadMs, upgradedWork, upstreamIdleMs, timeoutMs, reserveMs, ...unknown } = rest
  requireServer(server)
  const [stranger] = Object.keys(unknown)
  if (stranger !== undefined) throw new LifecycleError('invalid-option', `httpServer() has no option ${stranger}`)
  if (!phases.includes(phase)) throw new LifecycleError('invalid-option', `phase must be one of ${phases.join(', ')}; it is ${show(phase)}`)
  requireMs(unusedGraceMs, 'unusedGraceMs')
  requireMs(unbegunGraceMs, 'unbegunGraceMs')
  if (upgradedSpreadMs !== undefined) requireMs(upgradedSpreadMs, 'upgradedSpreadMs')
  if (upstreamIdleMs !== undefined) requireMs(upstreamIdleMs, 'upstreamIdleMs')
  for (const [option, value] of Object.entries({ closeUpgraded, onDrain })) {
    if (value !== undefined && typeof value !== 'function') throw new LifecycleError('invalid-option', `${option} must be a function; it is ${show(value)}`)
  }
  if (upgradedWork !== undefined) requireInHand(upgradedWork)
  const net: Server = server
  requireUnattached(net)
  const { start, waitingFor } = watchStartup(net, name, listen)
  const detach = attach(net, name)
  const connections = trackConnections(net, workFilter(notWork), upgradedWork !== undefined)
  const longAnswers = keepLongAnswers(net)
  const counts = createStopCounts(connections)
  let quiesced = false
  let stopping = false
  let closed = !net.listening
  let onDrainSince: number | undefined
  let onDrainOver = false

  keepHandlerPromises(net)
  net.on('listening', () => {
    closed = false
    // Those that were added since.
    keepHandlerPromises(net)
    // Not when it closes: its last connection tells later how it ended.
    counts.leave()
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
    phase,
    drainFrom: phase === 'intake' ? 'lame-duck-end' : 'phase',
    ...(timeoutMs === undefined ? {} : { timeoutMs: requireMs(timeoutMs, 'timeoutMs') }),
    ...(reserveMs === undefined ? {} : { reserveMs: requireMs(reserveMs, 'reserveMs') }),
    get warnings() {
      return warnOfKeepAlive(name, server, upstreamIdleMs)
    },
    start,
    preStop: (announced) => connections.announceClose(announced || quiesced),
    quiesce: begin,
    inFlight: () => connections.inFlight,
    lastArrival: () => connections.lastArrival(),
    behind: () => (upstreamIdleMs === undefined ? connections.forwardedBy && `requests with ${connections.forwardedBy}` : 'upstreamIdleMs is given'),
    waitingFor: () => [...waitingFor(), ...listWaiting(connections, { onDrainSince, onDrain: onDrain ? (onDrainOver ? 'over' : 'given') : 'none', upgradedWork: stopping ? upgradedWork : undefined })],
    tally: () => counts.read(),
    async drain(context) {
      begin()
      stopping = true
      const { remaining, signal } = context
      const asked = { unusedGraceMs, unbegunGraceMs, upgradedSpreadMs, upgradedWork, closeUpgraded, onDrain: () => runOnDrain(context) }
      try {
        await drainServer({ ...asked, server: net, connections, longAnswers, onUnanswered: counts.unanswered, isClosed: () => closed, remaining, signal })
      } finally {
        counts.over()
        detach()
      }
    },
    force() {
      stopping = true
      counts.over()
      detach()
      forceServer(net, connections)
    },
    stats: () => statsOf(connections),
  }

  async function runOnDrain(context: DrainContext): Promise<void> {
    if (!onDrain) return
    onDrainSince = performance.now()
    onDrainOver = false
    try {
      await onDrain(context)
    } finally {
      onDrainSince = undefined
      onDrainOver = true
    }
  }

  function begin(): void {
    if (!quiesced) connections.announceClose(true)
    quiesced = true
    counts.begin()
  }
}

function requireInHand(work: unknown): void {
  const { count, begunBefore } = (work ?? {}) as Partial<InHand>
  if (typeof count === 'function' && typeof begunBefore === 'function') return
  throw new LifecycleError('invalid-option', `upgradedWork must say what it has in hand, as what trackedWork() returns does; it is ${show(work)}`)
}

function requireServer(server: unknown): void {
  const { bun, deno } = process.versions
  const runtime = bun === undefined ? deno && `Deno ${deno}` : `Bun ${bun}`
  if (runtime !== undefined) {
    throw new LifecycleError('invalid-option', `httpServer() drains servers of Node.js, and this process runs on ${runtime}, whose servers are its own. Start it with node.`)
  }
  if (server instanceof Server) return
  throw new LifecycleError(
    'invalid-option',
    `httpServer() needs a server of node:http, https or http2; it was given ${show(server)}. Of an Express app, pass what app.listen() returns; of a Fastify app, app.server.`,
  )
}
