import type { IncomingMessage } from 'node:http'
import { Socket, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { Server as TlsServer } from 'node:tls'
import type { Abandoned } from './abandoned.ts'
import { trackArrivals } from './arrivals.ts'
import { createBehindAnswers } from './behind-answers.ts'
import { weigh, type Connection } from './connection.ts'
import { fromOldest, mark, unmark } from './exchanges.ts'
import { followRequests, whenIdle } from './follow-requests.ts'
import { followStreams } from './follow-streams.ts'
import type { Followed } from './followed.ts'
import { forwardedBy } from './forwarded-by.ts'
import { listenAlongside } from './listen-alongside.ts'
import { newUpgrade } from './new-upgrade.ts'
import type { WorkFilter } from './not-work.ts'
import { idleBy, openBefore } from './open-before.ts'
import type { Outcomes } from './outcomes.ts'
import { recentlyAbandoned } from './recently-abandoned.ts'
import { socketSlots } from './socket-slots.ts'

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
  /** Handlers that are at work behind their answers. They are told once. */
  readonly behindAnswers: () => Abandoned[]
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
  const overTls = server instanceof TlsServer
  const slots = socketSlots()
  const { sockets } = slots
  const followed: Followed = { announced: false, outcomes: undefined, leavers: recentlyAbandoned(), behind: createBehindAnswers(), arrivals: trackArrivals(work), forwarded: forwardedBy() }
  const { arrivals, leavers } = followed
  const requests = followRequests(server, slots, followed)

  server.prependListener('connection', onConnection)
  if (overTls) server.prependListener('secureConnection', onSecureConnection)
  followStreams(server, slots, followed)
  listenAlongside(server, 'upgrade', onUpgrade)
  listenAlongside(server, 'connect', onUpgrade)
  server.on('listening', requests.follow)
  server.on('close', requests.unfollow)
  if (server.listening) {
    requests.follow()
    for (const [socket, connection] of openBefore(server)) slots.put(socket, connection)
  }

  function onConnection(socket: Socket): void {
    requests.follow()
    // A stream that the application has given to the server; what is said on it is learned from its first request.
    if (!(socket instanceof Socket)) return
    slots.put(socket, { kind: overTls ? 'handshaking' : 'unused', acceptedAt: performance.now() })
    slots.changed(socket)
  }

  function onSecureConnection(socket: Socket & { readonly _parent?: Socket }): void {
    // The raw socket that the handshake ran on. Undocumented, but in every Node since 0.12; without it there are simply two entries.
    const raw = socket._parent
    if (raw) {
      slots.take(raw)
      sockets.remove(raw)
    }
    // The grace for its first request begins now: that can only be sent when the handshake is over, which may have taken a while.
    slots.put(socket, { kind: 'unused', acceptedAt: performance.now() })
    slots.changed(socket)
  }

  function onUpgrade(request: IncomingMessage, stream: Duplex, head?: Buffer): void {
    // CONNECT over HTTP/2 is a stream like the others.
    if (request.httpVersionMajor === 2) return
    slots.put(request.socket, newUpgrade(request, stream, head, isUpgradedWorkKnown))
    slots.arrived(request.socket)
  }

  function onClose(socket: Socket): void {
    const connection = slots.take(socket)
    if (connection?.kind === 'active') for (const exchange of fromOldest(connection)) arrivals.exchangeOver(exchange)
    if (connection?.kind === 'upgraded') arrivals.upgradeOver(connection)
    tell(socket, connection, followed.outcomes ?? leavers)
    slots.changed(socket)
  }

  /** What was under way on a socket that has closed. */
  function tell(socket: Socket, connection: Connection | undefined, counts: Pick<Outcomes, 'lost' | 'upgradeOver'>): void {
    if (connection?.kind === 'active') for (const exchange of fromOldest(connection)) counts.lost(socket, exchange)
    if (connection?.kind === 'upgraded') counts.upgradeOver(socket, connection)
  }

  return {
    all: () => sockets.all(),
    of: (socket) => (socket.destroyed ? undefined : slots.get(socket)),
    get size() {
      return sockets.size
    },
    get inFlight() {
      let sum = 0
      for (const connection of slots.open()) sum += weigh(connection)
      return sum
    },
    lastArrival: () => arrivals.newest(slots.open()),
    announceClose(on) {
      followed.announced = on
      arrivals.count(on)
      for (const socket of sockets.closed()) tell(socket, slots.get(socket), leavers)
      sockets.follow(onClose)
      const trulyIdle = idleBy(server)
      for (const socket of sockets.all()) {
        const connection = slots.get(socket)
        if (connection?.kind === 'active') (on ? mark : unmark)(connection.newest)
        else if (connection?.kind === 'idle') slots.put(socket, on && trulyIdle?.has(socket) === false ? { kind: 'idle', bytesRead: -1 } : whenIdle(socket, on))
      }
    },
    abandonedBefore: leavers.take,
    behindAnswers: followed.behind.take,
    countIn(next) {
      followed.outcomes = next
    },
    giveUp() {
      followed.outcomes?.cut(this.inFlight)
      followed.outcomes = undefined
    },
    get forwardedBy() {
      return followed.forwarded.header
    },
    watch: slots.watch,
  }
}
