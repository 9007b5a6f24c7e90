import type { Server } from 'node:net'
import { kindOf, type Connection } from './connection.ts'
import type { DrainInput } from './drain-server.ts'

/** How long an HTTP/2 client may take to hang up after the last stream, when everything has been sent to it. */
const hangUpMs = 1_000

/** An upgrade whose `101` the application has not sent yet is looked at again after this long. */
const upgradeRetryMs = 50

/** Ends every connection when it may be ended; resolves when the last one is gone or the signal aborts. */
export function sweep({ server, connections, isClosed, signal, unusedGraceMs, closeUpgraded }: DrainInput): Promise<void> {
  return new Promise((resolve, reject) => {
    const timers = new Set<NodeJS.Timeout>()
    const graced = new Set<Connection>()
    const greeted = new Set<Connection>()
    const errors: unknown[] = []
    const unwatch = connections.watch(onChange)
    server.on('close', settle)
    signal.addEventListener('abort', settle)
    for (const connection of connections.all()) {
      // Destroyed where nothing is being flushed: after an `end` the parser reads on, and a late request would be
      // executed and never answered.
      if (kindOf(connection) === 'idle' && connection.socket.writableLength === 0) connection.socket.destroy()
      else judge(connection)
    }
    closeUnknown()
    settle()

    function onChange(connection: Connection): void {
      if (!connection.gone) return judge(connection)
      graced.delete(connection)
      greeted.delete(connection)
      closeUnknown()
      settle()
    }

    function judge(connection: Connection): void {
      const { socket } = connection
      switch (kindOf(connection)) {
        // A balancer's pre-opened connection, a handshake: the first request may be on its way.
        case 'handshaking':
        case 'unused':
          return grace(connection)
        // Left to the server's own headers and request timeouts.
        case 'receiving':
        case 'active':
          return
        case 'upgraded':
          return sayGoodbye(connection)
        case 'http2':
          return connection.used ? goAway(connection) : grace(connection)
        // It has just been answered. Destroyed only when everything is flushed, and a TLS client was told that this is all.
        case 'idle':
          socket.destroySoon()
      }
    }

    function grace(connection: Connection): void {
      if (graced.has(connection)) return
      graced.add(connection)
      later(Math.max(0, connection.acceptedAt + unusedGraceMs - performance.now()), () => {
        const kind = kindOf(connection)
        if (connection.gone || connection.used) return
        if (kind === 'http2') goAway(connection)
        else if (kind !== 'receiving') connection.socket.destroy()
      })
    }

    function goAway(connection: Connection): void {
      const { session, socket } = connection
      if (!session || session.closed || session.destroyed) return
      socket.once('finish', () => later(hangUpMs, () => socket.destroy()))
      session.close()
    }

    function sayGoodbye(connection: Connection): void {
      const { upgrade, socket } = connection
      if (!upgrade || connection.gone || greeted.has(connection)) return
      // Before the `101` a close frame would be garbage.
      if (socket.bytesWritten === upgrade.bytesWritten) return later(upgradeRetryMs, () => sayGoodbye(connection))
      greeted.add(connection)
      try {
        closeUpgraded(socket, upgrade.protocol)
      } catch (error) {
        errors.push(error)
      }
    }

    function closeUnknown(): void {
      closeUnknownIdle(server, connections.size, () => [...connections.all()].some((connection) => connection.socket.writableLength > 0))
    }

    function later(ms: number, action: () => void): void {
      const timer = setTimeout(() => {
        timers.delete(timer)
        action()
      }, ms)
      timers.add(timer)
    }

    function settle(): void {
      if (!signal.aborted && !(connections.size === 0 && isClosed())) return
      unwatch()
      server.off('close', settle)
      signal.removeEventListener('abort', settle)
      for (const timer of timers) clearTimeout(timer)
      if (errors.length === 0) resolve()
      else reject(errors.length === 1 ? errors[0] : new AggregateError(errors, 'closing upgraded sockets failed'))
    }
  })
}

/**
 * Connections that were open before the server was attached and have been idle since are known to Node alone. Its own
 * sweep ends them, but would also cut answers that are still being flushed, so it has to wait for those.
 */
function closeUnknownIdle(server: Server, known: number, isFlushing: () => boolean): void {
  const { closeIdleConnections } = server as Server & { closeIdleConnections?: () => void }
  if (!closeIdleConnections) return
  server.getConnections((error, open) => {
    if (!error && open > known && !isFlushing()) closeIdleConnections.call(server)
  })
}
