import type { Duplex } from 'node:stream'

/** An unmasked, final close frame (RFC 6455 §5.5.1) of status 1001, "going away". */
const goingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9])

/**
 * Says goodbye on a socket that left HTTP. WebSockets get status 1001 as any server may send it between two frames: the
 * client answers, and the server's own WebSocket library then closes as it does for every client that leaves.
 * Everything else is ended.
 */
export function closeUpgraded(socket: Duplex, protocol: string): void {
  if (!socket.writable) return
  if (protocol === 'websocket') socket.write(goingAway)
  else socket.end()
}
