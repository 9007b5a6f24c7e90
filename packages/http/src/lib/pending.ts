import type { Socket } from 'node:net'
import { kindOf, type Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import { describeRequest, nameOf, nameOfUpgrade } from './describe-request.ts'
import { fromOldest } from './exchanges.ts'

/** What keeps a server from being done. */
export interface Pending {
  /** A request is answered by the application alone; everything else is told to go, or has its time. */
  readonly kind: 'request' | 'upgraded' | 'unfinished'
  readonly what: () => string
  /** Monotonic ms. */
  readonly since: number
  /** How much of the answer has been sent. */
  readonly sent?: () => string
}

/** What is in flight on a connection. */
export function pendingOn(socket: Socket, connection: Connection): Pending[] {
  switch (connection.kind) {
    case 'active':
      return [...fromOldest(connection)].map((exchange) => ({
        kind: 'request',
        what: () => nameOf(exchange),
        since: exchange.startedAt,
        // The later ones of a pipeline are not sent before the first is complete.
        sent: () => (exchange === connection ? describeBytes(socket.bytesWritten - exchange.bytesBefore) : 'nothing sent'),
      }))
    case 'upgraded':
      return [
        {
          kind: 'upgraded',
          what: () => nameOfUpgrade(connection),
          since: connection.startedAt,
          sent: () => describeBytes(socket.bytesWritten - connection.bytesBefore),
        },
      ]
    case 'http2':
      return [...connection.streams].map(([stream, each]) => ({
        kind: 'request',
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
export function unfinishedOn(socket: Socket, connection: Connection): Pending[] {
  const { remoteAddress: from = 'a local client' } = socket
  if (connection.kind === 'leftover') return [{ kind: 'unfinished', what: () => `the rest of ${nameOf(connection.exchange)}, which is answered`, since: connection.answeredAt }]
  const kind = kindOf(socket, connection)
  if (kind === 'handshaking') return [{ kind: 'unfinished', what: () => `TLS handshake with ${from}`, since: sinceOf(connection) }]
  if (kind === 'receiving') return [{ kind: 'unfinished', what: () => `part of a request from ${from}`, since: sinceOf(connection) }]
  return []
}

/** Nothing tells when the part of a later request came; it counts from now. */
function sinceOf(connection: Connection): number {
  return 'acceptedAt' in connection ? connection.acceptedAt : performance.now()
}

/** The open connections. */
export function pairs(connections: Connections): [Socket, Connection][] {
  return [...connections.all()].flatMap((socket) => {
    const connection = connections.of(socket)
    return connection ? [[socket, connection]] : []
  })
}

function describeBytes(bytes: number): string {
  return bytes > 0 ? `${bytes} bytes sent` : 'nothing sent'
}
