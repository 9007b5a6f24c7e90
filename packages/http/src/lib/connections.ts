import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Server, Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { newConnection, type Connection, type Exchange } from './connection.ts'
import { listenAlongside } from './listen-alongside.ts'

/** The connections of one server, and what is in flight on them. */
export interface Connections {
  all(): Iterable<Connection>
  readonly size: number
  /** Requests and streams without a complete answer, and upgraded sockets. */
  readonly inFlight: number
  /** Monotonic ms of the newest connection or request since `announceClose`. */
  readonly lastArrival: number | undefined
  /** From now on every HTTP/1 connection is told to close by its next unsent answer. */
  announceClose(): void
  /** Calls `listener` when a connection was accepted, changed its kind, finished an exchange or is gone. Returns the function that ends it. */
  watch(listener: (connection: Connection) => void): () => void
}

/** The message of Node's own channel `http.server.request.start`. */
interface RequestStart {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket
  readonly server: unknown
}

const requestStart = 'http.server.request.start'

/**
 * Follows every connection of the server without changing what the server does.
 *
 * Requests are learned from Node's diagnostics channel and not from `request` events: it sees `Expect: 100-continue`
 * with a `checkContinue` listener too, survives a library that replaces the `request` listeners (engine.io does), and
 * on HTTP/2 a `request` listener would switch on the compatibility layer for servers that only use `stream`.
 */
export function trackConnections(server: Server): Connections {
  const bySocket = new Map<Socket, Connection>()
  const watchers = new Set<(connection: Connection) => void>()
  const overTls = server instanceof TlsServer
  let inFlight = 0
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
  if (server.listening) followRequests()

  function followRequests(): void {
    if (subscribed) return
    subscribed = true
    subscribe(requestStart, onRequestStart)
  }

  function unfollowRequests(): void {
    subscribed = false
    unsubscribe(requestStart, onRequestStart)
  }

  function onConnection(socket: Socket): void {
    followRequests()
    const connection = add(socket, overTls)
    if (announced) lastArrival = connection.acceptedAt
    changed(connection)
  }

  function onSecureConnection(socket: Socket): void {
    // The raw socket that the handshake ran on. Undocumented, but in every Node since 0.12; without it there are simply two entries.
    const raw = (socket as Socket & { readonly _parent?: Socket })._parent
    const connection = raw && bySocket.get(raw)
    if (!raw || !connection) return void add(socket, false)
    bySocket.delete(raw)
    bySocket.set(socket, connection)
    connection.socket = socket
    connection.handshaking = false
    changed(connection)
  }

  function onSession(session: ServerHttp2Session): void {
    const connection = ofSession(session)
    connection.session = session
    changed(connection)
  }

  function onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const session = stream.session as ServerHttp2Session | undefined
    if (!session || session.destroyed) return
    const connection = ofSession(session)
    connection.session = session
    const exchange = begin(connection, String(headers[':method']), String(headers[':path'] ?? ''), undefined)
    stream.on('close', () => finish(connection, exchange))
  }

  function onRequestStart(message: unknown): void {
    const { server: from, request, response, socket } = message as RequestStart
    if (from !== server) return
    const connection = bySocket.get(socket) ?? add(socket, false)
    const older = connection.newest
    const exchange = begin(connection, request.method ?? '', request.url ?? '', response)
    if (announced) {
      if (older) unmark(older)
      mark(exchange)
    }
    response.on('close', onResponseClose)
  }

  function onResponseClose(this: ServerResponse): void {
    const connection = bySocket.get(this.req.socket)
    let exchange = connection?.newest
    while (exchange && exchange.response !== this) exchange = exchange.previous
    if (connection && exchange) finish(connection, exchange)
  }

  function onUpgrade(request: IncomingMessage, socket: Socket): void {
    const connection = bySocket.get(socket) ?? add(socket, false)
    const startedAt = performance.now()
    connection.used = true
    connection.upgrade = {
      method: request.method ?? '',
      url: request.url ?? '',
      protocol: request.method === 'CONNECT' ? '' : (request.headers.upgrade ?? '').toLowerCase(),
      startedAt,
      bytesWritten: socket.bytesWritten,
    }
    inFlight += 1
    if (announced) lastArrival = startedAt
    changed(connection)
  }

  function add(socket: Socket, handshaking: boolean): Connection {
    const connection = newConnection(socket, handshaking)
    bySocket.set(socket, connection)
    socket.on('close', () => remove(connection))
    return connection
  }

  function remove(connection: Connection): void {
    connection.gone = true
    bySocket.delete(connection.socket)
    for (let exchange = connection.newest; exchange; exchange = exchange.previous) inFlight -= 1
    if (connection.upgrade) inFlight -= 1
    connection.newest = undefined
    changed(connection)
  }

  function ofSession(session: ServerHttp2Session): Connection {
    // `session.socket` is a proxy that forbids destroying; `valueOf` is bound to the real socket and returns it.
    const socket = session.socket.valueOf() as Socket
    return bySocket.get(socket) ?? add(socket, false)
  }

  function begin(connection: Connection, method: string, url: string, response: ServerResponse | undefined): Exchange {
    const exchange = { method, url, startedAt: performance.now(), response, marked: false, previous: connection.newest }
    connection.newest = exchange
    connection.used = true
    inFlight += 1
    if (announced) lastArrival = exchange.startedAt
    if (watchers.size > 0) changed(connection)
    return exchange
  }

  function finish(connection: Connection, exchange: Exchange): void {
    if (connection.gone) return
    unlink(connection, exchange)
    inFlight -= 1
    if (announced && !connection.newest) connection.bytesAtIdle = connection.socket.bytesRead
    if (watchers.size > 0) changed(connection)
  }

  function changed(connection: Connection): void {
    for (const watcher of watchers) watcher(connection)
  }

  return {
    all: () => bySocket.values(),
    get size() {
      return bySocket.size
    },
    get inFlight() {
      return inFlight
    },
    get lastArrival() {
      return lastArrival
    },
    announceClose() {
      if (announced) return
      announced = true
      for (const connection of bySocket.values()) {
        if (connection.newest) mark(connection.newest)
        else if (connection.used) connection.bytesAtIdle = connection.socket.bytesRead
      }
    },
    watch(listener) {
      watchers.add(listener)
      return () => watchers.delete(listener)
    },
  }
}

/**
 * `shouldKeepAlive` and not a header: it can be taken back. With `Connection: close` on the first of three pipelined
 * requests all three handlers run and one answer is delivered, so only the newest request of a connection carries it.
 */
function mark(exchange: Exchange): void {
  const { response } = exchange
  if (!response || response.headersSent || !response.shouldKeepAlive) return
  response.shouldKeepAlive = false
  exchange.marked = true
}

function unmark(exchange: Exchange): void {
  const { response } = exchange
  if (!response || !exchange.marked || response.headersSent) return
  response.shouldKeepAlive = true
  exchange.marked = false
}

function unlink(connection: Connection, exchange: Exchange): void {
  if (connection.newest === exchange) {
    connection.newest = exchange.previous
    return
  }
  let newer = connection.newest
  while (newer && newer.previous !== exchange) newer = newer.previous
  if (newer) newer.previous = exchange.previous
}
