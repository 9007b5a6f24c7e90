import type { Socket } from 'node:net'

/**
 * Resets a connection, after what has been written to it.
 *
 * While a FIN is on its way, Node's own reset fails with EINVAL when the socket is destroyed before that is out (its peer has reset it as
 * well, or the front closes): the socket then never closes, and the process spins for ever when it should exit (Node 20–26).
 */
export function reset(socket: Socket): void {
  const isSayingFin = socket.writableEnded && !socket.writableFinished
  if (isSayingFin) socket.once('finish', () => socket.resetAndDestroy())
  else socket.resetAndDestroy()
}
