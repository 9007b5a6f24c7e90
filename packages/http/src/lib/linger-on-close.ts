import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** Longest time for the rest of a request that is answered, in ms: a handler may have stopped reading it. */
const lingerMs = 2_000

/**
 * Node destroys a socket right after an answer that said `Connection: close`. When the request's body is still arriving
 * (an early 413, a 401), the kernel answers the unread rest with a reset, and the reset may overtake the answer. So this
 * one time only the answer's end is sent, and the socket is destroyed when the request is complete (RFC 9112 §9.6), or
 * after a while.
 */
export function lingerOnClose(socket: Socket, request: IncomingMessage): void {
  // A stream of the application's own need not have it; Node ends such a one.
  if (typeof socket.destroySoon !== 'function') return
  const own = Object.getOwnPropertyDescriptor(socket, 'destroySoon')
  socket.destroySoon = () => {
    if (own) Object.defineProperty(socket, 'destroySoon', own)
    else Reflect.deleteProperty(socket, 'destroySoon')
    socket.end()
    const timer = setTimeout(end, lingerMs)
    timer.unref()
    request.once('end', end)
    socket.once('close', () => clearTimeout(timer))
  }

  function end(): void {
    socket.destroySoon()
  }
}
