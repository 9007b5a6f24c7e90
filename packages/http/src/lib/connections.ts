import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { IncomingMessage } from 'node:http'
import { Socket, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { Server as TlsServer } from 'node:tls'
import type { Abandoned } from './abandoned.ts'
import { trackArrivals } from './arrivals.ts'
import { noticeDestroy } from './broken-off.ts'
import { idle, weigh, type Connection, type Exchange, type Http2, type Stream } from './connection.ts'
import { append, fromOldest, mark, newExchange, shift, unmark } from './exchanges.ts'
import { followHandler } from './follow-handler.ts'
import { forwardedBy } from './forwarded-by.ts'
import { lingerOnClose } from './linger-on-close.ts'
import { listenAlongside } from './listen-alongside.ts'
import { newUpgrade } from './new-upgrade.ts'
import type { WorkFilter } from './not-work.ts'
import { idleBy, openBefore } from './open-before.ts'
import { openSockets } from './open-sockets.ts'
import type { Outcomes } from './outcomes.ts'
import { isWorthADoubt, recentlyAbandoned } from './recently-abandoned.ts'
import { requestChannels, type HttpMessage } from './request-channels.ts'
import { wasCutOff } from './was-cut-off.ts'

/** The connections of one server, and what is in flight on them. */
export interface Connections {
  all(): Iterable<Socket>
  /** Nothing for a socket that is gone. */
  of(socket: Socket): Connection | undefined
  readonly size: number
  /** Requests and streams without a complete answer, and upgraded sockets. */
  readonly inFlight: number
  /** Monotonic ms of the newest request since the announcement that is work. */
  lastArrival(): number | undefined
  /** From now on every HTTP/1 connection is told to close by its next unsent answer; or no longer. */
  announceClose(announced: boolean): void
  /** Handlers whose clients have gone, and that have not ended. They are told once. */
  abandonedBefore(): Abandoned[]
  /** From now on it is counted what becomes of requests; or no longer. */
  countIn(outcomes: Outcomes | undefined): void
  /** Counts as cut what is in flight, and nothing from then on: it is about to be destroyed. */
  giveUp(): void
  /** The header of one of the first requests that tells that something stands in front of the server. */
  readonly forwardedBy: string | undefined
  /** Calls `listener` when a socket was accepted, changed its kind, finished an exchange or is gone. Returns the function that ends it. */
  watch(listener: (socket: Socket) => void): () => void
}

/**
 * Follows every connection of the server without changing what the server does.
 *
 * @param isUpgradedWorkKnown somebody else knows what messages on upgraded sockets begin
 */
export function trackConnections(server: Server, work: WorkFilter, isUpgradedWorkKnown: boolean): Connections {
  /** Where a socket keeps what it is; faster than a map in the two look-ups that every request costs. */
  const slot: unique symbol = Symbol('lameduck.connection')
  type Tracked = Socket & { [slot]?: Connection | undefined; readonly _parent?: Tracked }
  const watchers = new Set<(socket: Socket) => void>()
  const overTls = server instanceof TlsServer
  const sockets = openSockets((socket: Tracked) => socket[slot] !== undefined, (socket: Tracked) => isWorthADoubt(socket, socket[slot]))
  const requests = requestChannels(onRequestStart, onResponseFinish)
  const arrivals = trackArrivals(work)
  const leavers = recentlyAbandoned()
  const forwarded = forwardedBy()
  let announced = false
  let outcomes: Outcomes | undefined

  server.prependListener('connection', onConnection)
  if (overTls) server.prependListener('secureConnection', onSecureConnection)
  server.on('session', onSession)
  server.prependListener('stream', onStream)
  listenAlongside(server, 'upgrade', onUpgrade)
  listenAlongside(server, 'connect', onUpgrade)
  server.on('listening', requests.follow)
  server.on('close', requests.unfollow)
  if (server.listening) {
    requests.follow()
    for (const [socket, connection] of openBefore(server)) put(socket, connection)
  }

  function onConnection(socket: Socket): void {
    requests.follow()
    // A stream that the application has given to the server; what is said on it is learned from its first request.
    if (!(socket instanceof Socket)) return
    put(socket, { kind: overTls ? 'handshaking' : 'unused', acceptedAt: performance.now() })
    changed(socket)
  }

  function onSecureConnection(socket: Tracked): void {
    // The raw socket that the handshake ran on. Undocumented, but in every Node since 0.12; without it there are simply two entries.
    const raw = socket._parent
    if (raw) {
      raw[slot] = undefined
      sockets.remove(raw)
    }
    // The grace for its first request begins now: that can only be sent when the handshake is over, which may have taken a while.
    put(socket, { kind: 'unused', acceptedAt: performance.now() })
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
    const about: Stream = { method: String(headers[':method']), url: String(headers[':path'] ?? headers[':authority'] ?? ''), headers, startedAt: performance.now(), hasHandlerEnded: undefined, isCancelled: false }
    http2.used = true
    http2.streams.set(stream, about)
    noticeDestroy(stream)
    forwarded.look(headers)
    arrived(socket)
    stream.on('aborted', () => {
      about.isCancelled = !stream.destroyed
      about.hasHandlerEnded = followHandler(stream, about)
    })
    stream.on('close', () => {
      if (!http2.streams.delete(stream)) return
      arrivals.streamOver(stream, about)
      const counts = outcomes ?? leavers
      counts.streamOver(stream, about, { session, socket })
      finished(socket)
    })
  }

  function onRequestStart({ server: from, request, response, socket }: HttpMessage & { readonly socket: Tracked }): void {
    if (from !== server) return
    const oldest = socket[slot]
    const exchange = newExchange(response, request.url, socket.bytesWritten)
    if (oldest?.kind === 'active') {
      if (announced) unmark(oldest.newest)
      append(oldest, exchange)
    } else {
      put(socket, exchange)
    }
    if (announced) mark(exchange)
    forwarded.look(request.headers)
    arrived(socket)
  }

  function onResponseFinish({ server: from, request, response, socket }: HttpMessage & { readonly socket: Tracked }): void {
    if (from !== server) return
    const oldest = socket[slot]
    // Begun before the server was attached.
    if (!oldest) {
      put(socket, whenIdle(socket))
      return finished(socket)
    }
    if (oldest.kind !== 'active' || oldest.response !== response) return
    // Its end is told when the socket has closed.
    if (wasCutOff(socket)) return
    outcomes?.answered(oldest)
    const next = shift(oldest)
    if (announced) {
      arrivals.exchangeOver(oldest)
      if (!request.complete && !response.shouldKeepAlive) lingerOnClose(socket, request)
    }
    if (next) socket[slot] = next
    else if (request.complete) socket[slot] = whenIdle(socket)
    else leaveOver(socket, oldest)
    finished(socket)
  }

  function leaveOver(socket: Tracked, exchange: Exchange): void {
    const leftover: Connection = { kind: 'leftover', exchange, answeredAt: performance.now() }
    socket[slot] = leftover
    exchange.response.req.once('end', () => {
      if (socket[slot] !== leftover) return
      socket[slot] = whenIdle(socket)
      changed(socket)
    })
  }

  function onUpgrade(request: IncomingMessage, stream: Duplex, head?: Buffer): void {
    // CONNECT over HTTP/2 is a stream like the others.
    if (request.httpVersionMajor === 2) return
    put(request.socket, newUpgrade(request, stream, head, isUpgradedWorkKnown))
    arrived(request.socket)
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
    const connection = socket[slot]
    socket[slot] = undefined
    if (connection?.kind === 'active') for (const exchange of fromOldest(connection)) arrivals.exchangeOver(exchange)
    if (connection?.kind === 'upgraded') arrivals.upgradeOver(connection)
    tell(socket, connection, outcomes ?? leavers)
    changed(socket)
  }

  /** What was under way on a socket that has closed. */
  function tell(socket: Socket, connection: Connection | undefined, counts: Pick<Outcomes, 'lost' | 'upgradeOver'>): void {
    if (connection?.kind === 'active') for (const exchange of fromOldest(connection)) counts.lost(socket, exchange)
    if (connection?.kind === 'upgraded') counts.upgradeOver(socket, connection)
  }

  function arrived(socket: Socket): void {
    if (watchers.size > 0) changed(socket)
  }

  function finished(socket: Socket): void {
    // Node is not done with the answer, and would arm timers on a socket that a watcher destroys.
    if (watchers.size > 0) process.nextTick(changed, socket)
  }

  function whenIdle(socket: Socket): Connection {
    return announced ? { kind: 'idle', bytesRead: socket.bytesRead } : idle
  }

  function* open(): Generator<Connection> {
    for (const socket of sockets.all() as Iterable<Tracked>) yield socket[slot] ?? idle
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
      for (const connection of open()) sum += weigh(connection)
      return sum
    },
    lastArrival: () => arrivals.newest(open()),
    announceClose(on) {
      announced = on
      arrivals.count(on)
      for (const socket of sockets.closed() as Iterable<Tracked>) tell(socket, socket[slot], leavers)
      sockets.follow(onClose)
      const trulyIdle = idleBy(server)
      for (const socket of sockets.all() as Iterable<Tracked>) {
        const connection = socket[slot]
        if (connection?.kind === 'active') (on ? mark : unmark)(connection.newest)
        else if (connection?.kind === 'idle') socket[slot] = on && trulyIdle?.has(socket) === false ? { kind: 'idle', bytesRead: -1 } : whenIdle(socket)
      }
    },
    abandonedBefore: leavers.take,
    countIn(next) {
      outcomes = next
    },
    giveUp() {
      outcomes?.cut(this.inFlight)
      outcomes = undefined
    },
    get forwardedBy() {
      return forwarded.header
    },
    watch(listener) {
      watchers.add(listener)
      return () => watchers.delete(listener)
    },
  }
}
