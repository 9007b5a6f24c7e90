import { kindOf, type ConnectionKind } from './connection.ts'
import type { Connections } from './connections.ts'
import { pairs, pendingOn } from './pending.ts'

/** What a server is doing right now. */
export interface HttpServerStats {
  /**
   * Open connections by what they are: `handshaking` (TLS not finished) · `unused` (nothing has arrived) · `receiving` (part of a request) ·
   * `active` (an answer is due) · `idle` (kept alive) · `upgraded` (WebSocket, CONNECT) · `http2` (sessions).
   */
  readonly sockets: Readonly<Record<ConnectionKind, number>>
  /** Requests and streams without a complete answer, and upgraded sockets. */
  readonly inFlight: number
  /** Age of the oldest of them in ms; `undefined` when there is none. */
  readonly oldestMs: number | undefined
}

/** Counts them; one walk over all connections. */
export function statsOf(connections: Connections): HttpServerStats {
  const sockets: Record<ConnectionKind, number> = { handshaking: 0, unused: 0, receiving: 0, active: 0, idle: 0, upgraded: 0, http2: 0 }
  let oldest: number | undefined
  for (const [socket, connection] of pairs(connections)) {
    sockets[kindOf(socket, connection)] += 1
    for (const { since } of pendingOn(socket, connection)) oldest = Math.min(oldest ?? since, since)
  }
  return { sockets, inFlight: connections.inFlight, oldestMs: oldest === undefined ? undefined : performance.now() - oldest }
}
