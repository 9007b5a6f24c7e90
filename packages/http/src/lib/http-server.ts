import type { Server as HttpServer } from 'node:http'
import type { Http2SecureServer, Http2Server } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import { Server } from 'node:net'
import { LifecycleError, show, type DrainContext, type Resource } from '@lameduck/core'
import { attach, requireUnattached } from './attach-once.ts'
import { closeListener } from './close-listener.ts'
import { trackConnections } from './connections.ts'
import { drainServer, forceServer } from './drain-server.ts'
import { keepHandlerPromises } from './handler-promises.ts'
import { resolveOptions, type HttpServerOptions } from './http-server-options.ts'
import { warnOfKeepAlive } from './keep-alive-warning.ts'
import { keepLongAnswers } from './long-answers.ts'
import { workFilter } from './not-work.ts'
import { watchStartup } from './startup.ts'
import { statsOf, type HttpServerStats } from './stats.ts'
import { createStopCounts } from './stop-counts.ts'
import { untilHandlersEnd } from './until-handlers-end.ts'
import { listWaiting } from './waiting.ts'

/** The servers of `node:http`, `node:https` and `node:http2` (with and without TLS, with and without `allowHTTP1`). */
export type DrainableServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer

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
  requireServer(server)
  const resolved = resolveOptions(options)
  const { name, listen, phase, notWork, onDrain, unusedGraceMs, unbegunGraceMs, closeUpgraded, upgradedSpreadMs, upgradedWork, upstreamIdleMs, timeoutMs, reserveMs } = resolved
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
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(reserveMs === undefined ? {} : { reserveMs }),
    get warnings() {
      return warnOfKeepAlive(name, server, upstreamIdleMs)
    },
    async start(context) {
      try {
        await start(context)
      } catch (error) {
        // Nobody drains what has not started; who tries again makes a new one.
        detach()
        throw error
      }
    },
    preStop: (announced) => connections.announceClose(announced || quiesced),
    quiesce: begin,
    inFlight: () => connections.inFlight + counts.behindAnswers(),
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
        await untilHandlersEnd(counts.behindAnswers, signal)
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
