import type { Socket } from 'node:net'
import { closeUpgraded as closeUpgradedByDefault } from './close-upgraded.ts'
import { kindOf, type Connection, type Upgrade } from './connection.ts'
import type { DrainInput } from './drain-server.ts'

/** How often it is looked whether something has moved, in ms. */
const longestPauseMs = 250

export interface EndSilentInput extends Pick<DrainInput, 'connections' | 'unbegunGraceMs' | 'remaining' | 'closeUpgraded'> {
  readonly isSaid: (upgrade: Upgrade) => boolean
  readonly later: (ms: number, action: () => void) => void
}

/**
 * Destroys what holds a connection with nothing of the application in it, when it has not moved for `unbegunGraceMs`, and in any
 * case just before the time is over: a TLS handshake that has stopped, part of a request's head, an upgrade that nobody has answered, an
 * upgraded socket whose client lets the goodbye pass. No handler has begun on the first two; the third has been promised nothing; the last
 * has got all that was sent to it, and sends nothing. So nothing is lost with them, and a drain that ends them is complete.
 */
export function endSilent({ connections, unbegunGraceMs, remaining, closeUpgraded, isSaid, later }: EndSilentInput): void {
  const silence = new WeakMap<Connection, { readonly moved: string; readonly since: number }>()
  const pauseMs = Math.max(1, Math.min(longestPauseMs, unbegunGraceMs / 4, remaining() / 8))
  look()

  function look(): void {
    for (const socket of connections.all()) {
      const connection = connections.of(socket)
      if (!connection || !isSilent(socket, connection)) continue
      if (connection.kind === 'upgraded') connection.dismissed = true
      socket.destroy()
    }
    later(pauseMs, look)
  }

  function isSilent(socket: Socket, connection: Connection): boolean {
    const moved = movedOn(socket, connection)
    const before = silence.get(connection)
    if (moved === undefined || before?.moved !== moved) {
      silence.delete(connection)
      if (moved !== undefined) silence.set(connection, { moved, since: performance.now() })
      return false
    }
    return performance.now() - before.since >= unbegunGraceMs || remaining() < pauseMs * 2
  }

  /** What a later look is compared with; nothing for what is somebody's work, or has another end. */
  function movedOn(socket: Socket, connection: Connection): string | undefined {
    if (connection.kind === 'upgraded') return movedAfterUpgrade(socket, connection)
    if (connection.kind === 'handshaking') return socket.bytesRead > 0 ? `${socket.bytesRead} of a handshake` : undefined
    // Byte by byte is no progress: a head is small, and who sends it so slowly wants to stay.
    return connection.kind !== 'leftover' && kindOf(socket, connection) === 'receiving' ? 'part of a head' : undefined
  }

  function movedAfterUpgrade(socket: Socket, upgrade: Upgrade): string | undefined {
    if (socket.bytesWritten === upgrade.bytesBefore) return 'not answered'
    if (!isSaid(upgrade) || socket.writableLength > 0) return undefined
    // What is sent after a close frame is nothing to a WebSocket's client; of another protocol only the application knows.
    return closeUpgraded === closeUpgradedByDefault && upgrade.protocol === 'websocket' ? `${socket.bytesRead}` : `${socket.bytesRead} ${socket.bytesWritten}`
  }
}
