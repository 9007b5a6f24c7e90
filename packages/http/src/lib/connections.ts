import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import { Socket, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { Server as TlsServer } from 'node:tls'
import { idle, weigh, type Connection, type Http2 } from './connection.ts'
import { append, mark, newExchange, shift, unmark } from './exchanges.ts'
import { lingerOnClose } from './linger-on-close.ts'
import { idleBy, openBefore } from './open-before.ts'
import { openSockets } from './open-sockets.ts'
import { listenAlongside } from './listen-alongside.ts'

/** The connections of one server, and what is in flight on them. */
export interface Connections {
  all(): Iterable<Socket>
  /** Nothing for a socket that is gone. */
  of(socket: Socket): Connection | undefined
  readonly size: number
  /** Requests and streams without a complete answer, and upgraded sockets. */
  readonly inFlight: number
  /** Monotonic ms of the newest connection or request since the announcement. */
  readonly lastArrival: number | undefined
  /** From now on every HTTP/1 connection is told to close by its next unsent answer; or no longer. */
  announceClose(announced: boolean): void
  /** Calls `listener` when a socket was accepted, changed its kind, finished an exchange or is gone. Returns the function that ends it. */
  watch(listener: (socket: Socket) => void): () => void
}

/** The messages of Node's own channels. */
interface HttpMessage {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket
  readonly server: unknown
}

const requestStart = 'http.server.request.start'
const responseFinish = 'http.server.response.finish'

/**
 * Follows every connection of the server without changing what the server does.
 *
 * Requests are learned from Node's diagnostics channels and not from `request` events: they see `Expect: 100-continue`
 * with a `checkContinue` listener too, survive a library that replaces the `request` listeners (engine.io does), need no
 * listener per request, and on HTTP/2 a `request` listener would switch on the compatibility layer for servers that only use `stream`.
 */
export function trackConnections(server: Server): Connections {
  /** Where a socket keeps what it is; faster than a map in the two look-ups that every request costs. */
  const slot: unique symbol = Symbol('lameduck.connection')
  type Tracked = Socket & { [slot]?: Connection | undefined; readonly _parent?: Tracked }
  const watchers = new Set<(socket: Socket) => void>()
  const overTls = server instanceof TlsServer
  const sockets = openSockets((socket: Tracked) => socket[slot] !== undefined)
  let announced = false
  let lastArrival: number | undefined
  let subscribed = false

  server.prependListener('connection', onConnection)
  if (overTls) server.prependListener('secureConnection', onSecureConnection)
  server.on('session', onSession)
  server.prependListener('stream', onStream)
  listenAlongside(server, 'upgrade', onUpgrade)
  listenAlongside(server, 'connect', onUpgrade)
  server.on('listening', followRequests)
  server.on('close', unfollowRequests)
  if (server.listening) {
    followRequests()
    for (const [socket, connection] of openBefore(server)) put(socket, connection)
  }

  function followRequests(): void {
    if (subscribed) return
    subscribed = true
    subscribe(requestStart, onRequestStart)
    subscribe(responseFinish, onResponseFinish)
  }

  function unfollowRequests(): void {
    subscribed = false
    unsubscribe(requestStart, onRequestStart)
    unsubscribe(responseFinish, onResponseFinish)
  }

  function onConnection(socket: Socket): void {
    followRequests()
    // A stream that the application has given to the server; what is said on it is learned from its first request.
    if (!(socket instanceof Socket)) return
    const acceptedAt = performance.now()
    put(socket, { kind: overTls ? 'handshaking' : 'unused', acceptedAt })
    if (announced) lastArrival = acceptedAt
    changed(socket)
  }

  function onSecureConnection(socket: Tracked): void {
    // The raw socket that the handshake ran on. Undocumented, but in every Node since 0.12; without it there are simply two entries.
    const raw = socket._parent
    const handshake = raw?.[slot]
    if (raw) {
      raw[slot] = undefined
      sockets.remove(raw)
    }
    put(socket, { kind: 'unused', acceptedAt: handshake?.kind === 'handshaking' ? handshake.acceptedAt : performance.now() })
    changed(socket)
  }

  function onSession(session: ServerHttp2Session): void {
    if (session.destroyed) return
    changed(http2Of(session).socket)
  }

  function onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const session = stream.session as ServerHttp2Session | undefined
    if (!session || session.destroyed) return
    const { socket, http2 } = http2Of(session)
    const startedAt = performance.now()
    http2.used = true
    http2.streams.set(stream, { method: String(headers[':method']), url: String(headers[':path'] ?? headers[':authority'] ?? ''), startedAt })
    arrived(socket, startedAt)
    stream.on('close', () => {
      if (http2.streams.delete(stream)) finished(socket)
    })
  }

  function onRequestStart(message: unknown): void {
    const { server: from, response, socket } = message as HttpMessage & { readonly socket: Tracked }
    if (from !== server) return
    const oldest = socket[slot]
    const exchange = newExchange(response, socket.bytesWritten)
    if (oldest?.kind === 'active') {
      if (announced) unmark(oldest.newest)
      append(oldest, exchange)
    } else {
      put(socket, exchange)
    }
    if (announced) mark(exchange)
    arrived(socket, exchange.startedAt)
  }

  function onResponseFinish(message: unknown): void {
    const { server: from, request, response, socket } = message as HttpMessage & { readonly socket: Tracked }
    if (from !== server) return
    const oldest = socket[slot]
    // Begun before the server was attached.
    if (!oldest) {
      put(socket, whenIdle(socket))
      return finished(socket)
    }
    if (oldest.kind !== 'active' || oldest.response !== response) return
    const next = shift(oldest)
    if (announced && !request.complete && !response.shouldKeepAlive) lingerOnClose(socket, request)
    if (next) socket[slot] = next
    else if (request.complete) socket[slot] = whenIdle(socket)
    else leaveOver(socket, request)
    finished(socket)
  }

  function leaveOver(socket: Tracked, request: IncomingMessage): void {
    const leftover: Connection = { kind: 'leftover', request, answeredAt: performance.now() }
    socket[slot] = leftover
    request.once('end', () => {
      if (socket[slot] !== leftover) return
      socket[slot] = whenIdle(socket)
      changed(socket)
    })
  }

  function onUpgrade(request: IncomingMessage, stream: Duplex): void {
    // CONNECT over HTTP/2 is a stream like the others.
    if (request.httpVersionMajor === 2) return
    const startedAt = performance.now()
    const socket: Tracked = request.socket
    put(socket, {
      kind: 'upgraded',
      method: request.method ?? '',
      url: request.url ?? '',
      protocol: request.method === 'CONNECT' ? '' : (request.headers.upgrade ?? '').toLowerCase(),
      startedAt,
      stream,
      bytesBefore: socket.bytesWritten,
    })
    arrived(socket, startedAt)
  }

  function http2Of(session: ServerHttp2Session): { readonly socket: Tracked; readonly http2: Http2 } {
    // `session.socket` is a proxy that forbids destroying; `valueOf` is bound to the real socket and returns it.
    const socket = session.socket.valueOf() as Tracked
    const known = socket[slot]
    if (known?.kind === 'http2') return { socket, http2: known }
    const acceptedAt = known?.kind === 'unused' ? known.acceptedAt : performance.now()
    const http2: Http2 = { kind: 'http2', session, acceptedAt, used: false, streams: new Map() }
    put(socket, http2)
    return { socket, http2 }
  }

  function put(socket: Tracked, connection: Connection): void {
    const isNew = !socket[slot]
    socket[slot] = connection
    if (isNew) sockets.add(socket)
  }

  function onClose(socket: Tracked): void {
    socket[slot] = undefined
    changed(socket)
  }

  function arrived(socket: Socket, at: number): void {
    if (announced) lastArrival = at
    if (watchers.size > 0) changed(socket)
  }

  function finished(socket: Socket): void {
    // Node is not done with the answer, and would arm timers on a socket that a watcher destroys.
    if (watchers.size > 0) process.nextTick(changed, socket)
  }

  function whenIdle(socket: Socket): Connection {
    return announced ? { kind: 'idle', bytesRead: socket.bytesRead } : idle
  }

  function changed(socket: Socket): void {
    for (const watcher of watchers) watcher(socket)
  }

  return {
    all: () => sockets.all(),
    of: (socket: Tracked) => (socket.destroyed ? undefined : socket[slot]),
    get size() {
      return sockets.size
    },
    get inFlight() {
      let sum = 0
      for (const socket of sockets.all() as Iterable<Tracked>) sum += weigh(socket[slot] ?? idle)
      return sum
    },
    get lastArrival() {
      return lastArrival
    },
    announceClose(on) {
      announced = on
      sockets.follow(onClose)
      const trulyIdle = idleBy(server)
      for (const socket of sockets.all() as Iterable<Tracked>) {
        const connection = socket[slot]
        if (connection?.kind === 'active') (on ? mark : unmark)(connection.newest)
        else if (connection?.kind === 'idle') socket[slot] = on && trulyIdle?.has(socket) === false ? { kind: 'idle', bytesRead: -1 } : whenIdle(socket)
      }
    },
    watch(listener) {
      watchers.add(listener)
      return () => watchers.delete(listener)
    },
  }
}
