import type { ServerResponse } from 'node:http'
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'

/** One request whose answer is not complete yet. */
export interface Exchange {
  readonly method: string
  readonly url: string
  /** Monotonic ms. */
  readonly startedAt: number
  /** `undefined` on HTTP/2. */
  readonly response: ServerResponse | undefined
  /** The answer was told to say `Connection: close`. */
  marked: boolean
  /** The next older one on the same connection; a chain instead of an array, so that an idle connection holds nothing. */
  previous: Exchange | undefined
}

/** What became of a connection after an `upgrade` or `connect` event. */
export interface Upgrade {
  readonly method: string
  readonly url: string
  /** Lower case value of the request's `Upgrade` header; empty for CONNECT. */
  readonly protocol: string
  readonly startedAt: number
  /** Bytes written when the server handed the socket over: as long as there are no more, the `101` has not been sent. */
  readonly bytesWritten: number
}

/** The bookkeeping of one accepted connection. */
export interface Connection {
  /** The TLS socket once the handshake is over, the raw one before and without TLS. */
  socket: Socket
  /** Monotonic ms. */
  readonly acceptedAt: number
  handshaking: boolean
  /** A request has been seen on it. */
  used: boolean
  /** Gone connections count for nothing, whatever their handlers still do. */
  gone: boolean
  newest: Exchange | undefined
  upgrade: Upgrade | undefined
  session: ServerHttp2Session | undefined
  /** `bytesRead` when it was last seen idle; kept only from the stop on, where a difference means half a request. */
  bytesAtIdle: number
}

export function newConnection(socket: Socket, handshaking: boolean): Connection {
  return {
    socket,
    acceptedAt: performance.now(),
    handshaking,
    used: false,
    gone: false,
    newest: undefined,
    upgrade: undefined,
    session: undefined,
    bytesAtIdle: 0,
  }
}

export type ConnectionKind = 'handshaking' | 'unused' | 'receiving' | 'active' | 'idle' | 'upgraded' | 'http2'

/** `receiving`: part of a request has arrived and no more; on a connection that was used before it can be told only after the stop began. */
export function kindOf(connection: Connection): ConnectionKind {
  if (connection.handshaking) return 'handshaking'
  if (connection.upgrade) return 'upgraded'
  if (connection.session) return 'http2'
  if (connection.newest) return 'active'
  if (!connection.used) return connection.socket.bytesRead === 0 ? 'unused' : 'receiving'
  return connection.bytesAtIdle === 0 || connection.socket.bytesRead === connection.bytesAtIdle ? 'idle' : 'receiving'
}
