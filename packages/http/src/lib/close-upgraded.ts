import type { Duplex } from 'node:stream'
import { destroyWhenStill } from './destroy-when-still.ts'

/** An unmasked, final close frame (RFC 6455 §5.5.1) of status 1001, "going away". */
const goingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9])

/**
 * Says goodbye on a socket that left HTTP. WebSockets get status 1001 as any server may send it between two frames: the
 * client answers, and the server's own WebSocket library then closes as it does for every client that leaves.
 *
 * A socket that another stream is piped into (a tunnel, a proxied WebSocket) is destroyed: what is written there may be
 * the middle of a frame, and after an `end` the other stream's next bytes would be an error that nobody handles. A drain waits for a still
 * moment on it, for which the returned promise stands. Everything else is ended.
 */
export function closeUpgraded(socket: Duplex, protocol: string): Promise<void> | undefined {
  if (!socket.writable) return undefined
  // Every `pipe` listens for it on its destination.
  if (socket.listenerCount('unpipe') > 0) return destroyWhenStill(socket)
  if (protocol === 'websocket') socket.write(goingAway)
  else socket.end()
  return undefined
}
