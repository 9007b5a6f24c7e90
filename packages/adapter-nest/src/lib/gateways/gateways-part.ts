import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { orAborted, untilIdle, type DrainContext } from '@lameduck/core'
import { httpServer, type DrainableServer, type HttpServerResource } from '@lameduck/http'
import { sumOf, type Part, type ServerOptions } from '../part.ts'
import { followGateways } from './follow-gateways.ts'
import type { GatewayApp } from './gateway-app.ts'
import type { GatewayClient } from './gateway-client.ts'

export interface GatewaysInput {
  readonly app: GatewayApp
  /** Of the resource, for the errors. */
  readonly name: string
  /** The application's own. */
  readonly server: DrainableServer
  /** Those of the application's server, for servers on ports of their own too. */
  readonly options: ServerOptions
  /** For upgraded sockets that are no gateway's. */
  readonly closeOther: (socket: Duplex, protocol: string) => unknown
}

export interface GatewaysPart extends Part {
  /** Both for the application's own server. */
  readonly closeUpgraded: (socket: Duplex, protocol: string) => unknown
  readonly onDrain: (context: DrainContext) => Promise<unknown>
}

/**
 * A client of a gateway is told to go when what it has asked is answered; a server on a port of its own is drained like the application's
 * own; and `handleDisconnect` of everybody who left has ended before anything is closed.
 */
export function gatewaysPart({ app, name, server: own, options, closeOther }: GatewaysInput): GatewaysPart {
  const servers = new Map<Server, HttpServerResource>()
  const gateways = followGateways(app, name, takeIn)
  const { handlers } = gateways
  const said = { inFlight: handlers.count, waitingFor: handlers.waitingFor, tally: handlers.tally.read }
  const { inFlight, lastArrival, waitingFor, tally } = sumOf(() => [said, ...servers.values()])
  let signal = new AbortController().signal
  let bySocket: Map<Duplex | undefined, GatewayClient> | undefined

  function takeIn(server: Server): void {
    if (server === own || servers.has(server)) return
    servers.set(server, httpServer(server as DrainableServer, { ...options, name, closeUpgraded, onDrain: (context) => endPolls(server, context) }))
  }

  function closeUpgraded(socket: Duplex, protocol: string): unknown {
    bySocket ??= new Map([...gateways.clients()].map((client) => [client.rawSocket(), client]))
    const client = bySocket.get(socket)
    return client ? client.leave(signal) : closeOther(socket, protocol)
  }

  /** Their clients come back at once, so not before the listener is closed. */
  function endPolls(server: Server, { signal: ended }: DrainContext): Promise<unknown> {
    return Promise.all(gateways.polling(server).map(async (client) => client.leave(ended)))
  }

  return {
    closeUpgraded,
    onDrain: (context) => endPolls(own, context),
    preStop(announced) {
      for (const server of servers.values()) server.preStop?.(announced)
    },
    quiesce(context) {
      handlers.begin()
      for (const server of servers.values()) server.quiesce?.(context)
    },
    get warnings() {
      return gateways.warnings
    },
    inFlight,
    lastArrival,
    waitingFor,
    tally,
    async drain(context) {
      ;({ signal } = context)
      bySocket = undefined
      await Promise.all([...servers.values()].map(async (server) => server.drain(context)))
      await orAborted(gateways.allGone(), signal)
      await untilIdle(handlers, signal)
    },
    force(context) {
      handlers.cut()
      for (const server of servers.values()) void server.force?.(context)
    },
  }
}
