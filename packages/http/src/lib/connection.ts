import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { LastMessage } from './unanswered-message.ts'

/**
 * What one accepted socket is at the moment. Until the announcement an idle keep-alive socket holds nothing of its own, so
 * that ten thousand of them cost no more than their entries in a set.
 */
export type Connection = Untouched | Idle | Exchange | Leftover | Upgrade | Http2

/** Nothing has been asked on it yet. */
export interface Untouched {
  readonly kind: 'handshaking' | 'unused'
  /** Monotonic ms. */
  readonly acceptedAt: number
}

/** All its requests have been answered. */
export interface Idle {
  readonly kind: 'idle'
  /**
   * `bytesRead` of the socket when it became idle, from the announcement on, when a difference means part of a request; -1 when part of
   * one had arrived by then; before the announcement `undefined`.
   */
  readonly bytesRead: number | undefined
}

/** One HTTP/1 request whose answer is not complete yet; the socket has the oldest. */
export interface Exchange {
  readonly kind: 'active'
  readonly response: ServerResponse
  /** As the client sent it; what is mounted under a path changes that of the request. */
  readonly url: string
  /** Monotonic ms. */
  readonly startedAt: number
  /** What had been written to the socket when it began. */
  readonly bytesBefore: number
  /** The answer is to say `Connection: close`; `false` when that was taken back. */
  marked: boolean | undefined
  /** The next one of a pipeline. */
  newer: Exchange | undefined
  /** Of the oldest alone: the newest, which is itself where nobody pipelines, and how many they are. */
  newest: Exchange
  count: number
}

/** An answer was complete before its request was: the rest of the body is still arriving. */
export interface Leftover {
  readonly kind: 'leftover'
  readonly exchange: Exchange
  /** Monotonic ms. */
  readonly answeredAt: number
}

/** What became of a socket after an `upgrade` or `connect` event. */
export interface Upgrade {
  readonly kind: 'upgraded'
  readonly method: string
  readonly url: string
  /** Lower case value of the request's `Upgrade` header; empty for CONNECT. */
  readonly protocol: string
  /** Monotonic ms. */
  readonly startedAt: number
  /** What the application was given, and writes to: the socket, or a stream over it (Node 26, when the request has a body). */
  readonly stream: Duplex
  /** What had been written when the server handed the socket over: as long as there is no more, the `101` has not been sent. */
  readonly bytesBefore: number
  /** What had been read by then: as long as there is no more, its client has said nothing. */
  readonly bytesReadBefore: number
  /** Of a WebSocket whose messages are followed. */
  readonly lastMessage: LastMessage | undefined
  /** It is destroyed because it was silent, so that nothing is lost with it. */
  dismissed: boolean
}

/** One HTTP/2 session with its streams that have no complete answer yet. */
export interface Http2 {
  readonly kind: 'http2'
  readonly session: ServerHttp2Session
  /** Monotonic ms. */
  readonly acceptedAt: number
  /** A stream has been seen on it. */
  used: boolean
  readonly streams: Map<ServerHttp2Stream, Stream>
}

/** One stream of HTTP/2. */
export interface Stream {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** Monotonic ms. */
  readonly startedAt: number
  /** Of one that was closed with its handler at work: whether that has ended its answer. */
  hasHandlerEnded: (() => boolean) | undefined
  /** It was closed before its answer had ended, and nobody here had destroyed it by then: `pipeline` does so afterwards, with an error. */
  isCancelled: boolean
}

/** Before the announcement, shared by all. */
export const idle: Idle = { kind: 'idle', bytesRead: undefined }

/** How connections are counted and treated. */
export type ConnectionKind = 'handshaking' | 'unused' | 'receiving' | 'active' | 'idle' | 'upgraded' | 'http2'

/** `receiving`: part of a request has arrived and no more; on a socket that was used before it can be told only after the announcement. */
export function kindOf(socket: Socket, connection: Connection): ConnectionKind {
  switch (connection.kind) {
    case 'leftover':
      return 'receiving'
    case 'unused':
      return socket.bytesRead === 0 ? 'unused' : 'receiving'
    case 'idle':
      return connection.bytesRead === undefined || connection.bytesRead === socket.bytesRead ? 'idle' : 'receiving'
    case 'handshaking':
    case 'active':
    case 'upgraded':
    case 'http2':
      return connection.kind
  }
}

/** How many units of work it is. */
export function weigh(connection: Connection): number {
  switch (connection.kind) {
    case 'active':
      return connection.count
    case 'upgraded':
      return 1
    case 'http2':
      return connection.streams.size
    case 'handshaking':
    case 'unused':
    case 'idle':
    case 'leftover':
      return 0
  }
}
