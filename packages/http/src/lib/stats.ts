import type { Socket } from 'node:net'
import { kindOf, type Connection, type ConnectionKind } from './connection.ts'
import type { Connections } from './connections.ts'
import { describeRequest, nameOf } from './describe-request.ts'
import { fromOldest } from './exchanges.ts'

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

/** Texts that are made: nobody reads more, and a server may hold ten thousands of requests. */
const mostTexts = 100

/** One text for everything that keeps the server from being done, oldest first, the first hundred. No query strings: they may hold secrets. */
export function listWaiting(connections: Connections): string[] {
  const now = performance.now()
  const pending = pairs(connections).flatMap(([socket, connection]) => [...pendingOn(socket, connection), ...unfinishedOn(socket, connection)])
  pending.sort((a, b) => a.since - b.since)
  return pending.slice(0, mostTexts).map(({ what, since, sent }) => [`${what()} ${describeAge(now - since)}`, ...(sent ? [sent()] : [])].join(', '))
}

interface Pending {
  readonly what: () => string
  /** Monotonic ms. */
  readonly since: number
  /** How much of the answer has been sent. */
  readonly sent?: () => string
}

/** What is in flight on a connection. */
function pendingOn(socket: Socket, connection: Connection): Pending[] {
  switch (connection.kind) {
    case 'active':
      return [...fromOldest(connection)].map((exchange) => ({
        what: () => nameOf(exchange),
        since: exchange.startedAt,
        // The later ones of a pipeline are not sent before the first is complete.
        sent: () => (exchange === connection ? describeBytes(socket.bytesWritten - exchange.bytesBefore) : 'nothing sent'),
      }))
    case 'upgraded':
      return [
        {
          what: () => `${describeRequest(connection)} (${connection.protocol || 'tunnel'})`,
          since: connection.startedAt,
          sent: () => describeBytes(socket.bytesWritten - connection.bytesBefore),
        },
      ]
    case 'http2':
      return [...connection.streams].map(([stream, each]) => ({
        what: () => describeRequest(each),
        since: each.startedAt,
        sent: () => (stream.headersSent ? 'partly sent' : 'nothing sent'),
      }))
    case 'handshaking':
    case 'unused':
    case 'idle':
    case 'leftover':
      return []
  }
}

/** What is no request yet, or no longer, and keeps a connection open all the same. */
function unfinishedOn(socket: Socket, connection: Connection): Pending[] {
  const { remoteAddress: from = 'a local client' } = socket
  if (connection.kind === 'leftover') return [{ what: () => `the rest of ${nameOf(connection.exchange)}, which is answered`, since: connection.answeredAt }]
  const kind = kindOf(socket, connection)
  if (kind === 'handshaking') return [{ what: () => `TLS handshake with ${from}`, since: sinceOf(connection) }]
  if (kind === 'receiving') return [{ what: () => `part of a request from ${from}`, since: sinceOf(connection) }]
  return []
}

/** Nothing tells when the part of a later request came; it counts from now. */
function sinceOf(connection: Connection): number {
  return 'acceptedAt' in connection ? connection.acceptedAt : performance.now()
}

function pairs(connections: Connections): [Socket, Connection][] {
  return [...connections.all()].flatMap((socket) => {
    const connection = connections.of(socket)
    return connection ? [[socket, connection]] : []
  })
}

function describeBytes(bytes: number): string {
  return bytes > 0 ? `${bytes} bytes sent` : 'nothing sent'
}

function describeAge(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}
