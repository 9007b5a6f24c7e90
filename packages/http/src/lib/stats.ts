import { kindOf, type Connection, type ConnectionKind } from './connection.ts'
import type { Connections } from './connections.ts'

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

export function statsOf(connections: Connections): HttpServerStats {
  const sockets: Record<ConnectionKind, number> = { handshaking: 0, unused: 0, receiving: 0, active: 0, idle: 0, upgraded: 0, http2: 0 }
  let oldest: number | undefined
  for (const connection of connections.all()) {
    sockets[kindOf(connection)] += 1
    for (const { since } of pendingOn(connection)) oldest = Math.min(oldest ?? since, since)
  }
  return { sockets, inFlight: connections.inFlight, oldestMs: oldest === undefined ? undefined : performance.now() - oldest }
}

/** One text for everything that keeps the server from being done, oldest first. No query strings: they may hold secrets. */
export function listWaiting(connections: Connections): string[] {
  const now = performance.now()
  return [...connections.all()]
    .flatMap((connection) => [...pendingOn(connection), ...unfinishedOn(connection)])
    .toSorted((a, b) => a.since - b.since)
    .map(({ what, since }) => `${what} ${describeAge(now - since)}`)
}

interface Pending {
  readonly what: string
  /** Monotonic ms. */
  readonly since: number
}

function pendingOn({ newest, upgrade }: Connection): Pending[] {
  const pending: Pending[] = []
  if (upgrade) pending.push({ what: `${request(upgrade)} (${upgrade.protocol || 'tunnel'})`, since: upgrade.startedAt })
  for (let exchange = newest; exchange; exchange = exchange.previous) {
    pending.push({ what: request(exchange), since: exchange.startedAt })
  }
  return pending
}

function unfinishedOn(connection: Connection): Pending[] {
  const kind = kindOf(connection)
  if (kind === 'receiving') return [{ what: `part of a request from ${connection.socket.remoteAddress}`, since: connection.acceptedAt }]
  if (kind === 'handshaking') return [{ what: `TLS handshake with ${connection.socket.remoteAddress}`, since: connection.acceptedAt }]
  return []
}

function request({ method, url }: { readonly method: string; readonly url: string }): string {
  const query = url.indexOf('?')
  return `${method} ${query < 0 ? url : url.slice(0, query)}`
}

function describeAge(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}
