import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { closeUnknownIdle } from './close-unknown-idle.ts'
import { kindOf, type Connection, type Http2, type Upgrade } from './connection.ts'
import type { DrainInput } from './drain-server.ts'
import { endSilent } from './end-silent.ts'
import { goAway } from './go-away.ts'
import { sayGoodbyes } from './goodbyes.ts'
import { turn } from './turn.ts'

/** How long an HTTP/2 client may take to answer our pings, and to hang up after the last stream when everything has been sent to it. */
const hangUpMs = 1_000

/**
 * How long connections are judged in one turn of the event loop: ten thousand sockets take some hundred ms to destroy. A small
 * part of that is here; for most of it each socket's own `close` comes later in the same turn.
 */
const sliceMs = 3

/** Ends every connection when it may be ended; resolves when the last one is gone or the signal aborts. */
export function sweep(input: DrainInput): Promise<void> {
  const { server, connections, isClosed, signal, unusedGraceMs } = input
  return new Promise((resolve, reject) => {
    const timers = new Set<NodeJS.Timeout>()
    /** Connections and sessions whose end has been arranged: by the grace, a GOAWAY. */
    const arranged = new WeakSet<object>()
    let over = false
    const goodbyes = sayGoodbyes({ ...input, later, onSaid: settle })
    const unwatch = connections.watch(onChange)
    server.on('close', settle)
    signal.addEventListener('abort', settle)
    endSilent({ ...input, isSaid: goodbyes.isSaid, later })
    void judgeAll().then(settle)

    async function judgeAll(): Promise<void> {
      let since = performance.now()
      for (const socket of connections.all()) {
        const connection = connections.of(socket)
        // What had arrived on it has become a request by now.
        if (connection && kindOf(socket, connection) === 'idle') endIdle(socket)
        else judge(socket)
        if (performance.now() - since < sliceMs) continue
        await turn()
        if (over) return
        since = performance.now()
      }
      sweepUnknown()
    }

    function onChange(socket: Socket): void {
      if (connections.of(socket)) return judge(socket)
      if (connections.size === 0) sweepUnknown()
      settle()
    }

    function judge(socket: Socket): void {
      const connection = connections.of(socket)
      if (!connection) return
      switch (kindOf(socket, connection)) {
        // A balancer's pre-opened connection, a handshake: the first request may be on its way.
        case 'handshaking':
        case 'unused':
          return grace(socket, connection)
        // Left to the handler, to `endSilent`, and to the server's own headers and request timeouts.
        case 'receiving':
        case 'active':
          return
        case 'upgraded':
          return goodbyes.say(socket, connection as Upgrade)
        case 'http2':
          return (connection as Http2).used ? leave(socket, connection as Http2) : grace(socket, connection)
        case 'idle':
          // A turn later, so that a request that has come with the last one is served.
          return arrange(connection, () => void setImmediate(endIfStillIdle, socket, connection))
      }
    }

    function endIfStillIdle(socket: Socket, connection: Connection): void {
      if (connections.of(socket) === connection && kindOf(socket, connection) === 'idle') endIdle(socket)
    }

    function grace(socket: Socket, connection: Connection): void {
      if (!('acceptedAt' in connection)) return
      const leftMs = Math.max(0, connection.acceptedAt + unusedGraceMs - performance.now())
      arrange(connection, () => later(leftMs, () => endUnused(socket, connection)))
    }

    function endUnused(socket: Socket, connection: Connection): void {
      if (connections.of(socket) !== connection) return
      if (connection.kind === 'http2') leave(socket, connection)
      // Once bytes have come it is for `endSilent`.
      else if (socket.bytesRead === 0) socket.destroy()
    }

    function leave(socket: Socket, { session }: Http2): void {
      arrange(session, () => {
        socket.once('finish', () => later(hangUpMs, () => socket.destroy()))
        goAway(session, socket, close)
        later(hangUpMs, close)
      })

      function close(): void {
        if (!session.closed && !session.destroyed) session.close()
      }
    }

    function arrange(what: object, action: () => void): void {
      if (arranged.has(what)) return
      arranged.add(what)
      action()
    }

    function sweepUnknown(): void {
      if (over) return
      closeUnknownIdle(server, connections)
    }

    function later(ms: number, action: () => void): void {
      if (over) return
      const timer = setTimeout(() => {
        timers.delete(timer)
        action()
      }, ms)
      timers.add(timer)
    }

    function settle(): void {
      if (over || (!signal.aborted && !(connections.size === 0 && goodbyes.pending === 0 && isClosed()))) return
      over = true
      goodbyes.end()
      unwatch()
      server.off('close', settle)
      signal.removeEventListener('abort', settle)
      for (const timer of timers) clearTimeout(timer)
      const { errors } = goodbyes
      if (errors.length === 0) resolve()
      else reject(errors.length === 1 ? errors[0] : new AggregateError(errors, 'saying goodbye on upgraded sockets and long answers failed'))
    }
  })
}

/** Destroyed: after an `end` the parser reads on, and a late request would be executed and never answered. A TLS client is told that this is all. */
function endIdle(socket: Socket): void {
  const mustFlush = socket instanceof TLSSocket || socket.writableLength > 0
  // A stream of the application's own has no such method.
  if (mustFlush && typeof socket.destroySoon === 'function') socket.destroySoon()
  else if (mustFlush) socket.end()
  else socket.destroy()
}
