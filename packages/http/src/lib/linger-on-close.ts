import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Node destroys a socket right after an answer that said `Connection: close`. When the request's body is still arriving
 * (an early 413, a 401), the kernel answers the unread rest with a reset, and the reset may overtake the answer. So this
 * one time only the answer's end is sent, and the socket is destroyed when the request is complete (RFC 9112 §9.6).
 * A client that never completes it is ended by the server's request timeout.
 */
export function lingerOnClose(socket: Socket, request: IncomingMessage): void {
  socket.destroySoon = () => {
    // Node's own, of the prototype, is there again.
    Reflect.deleteProperty(socket, 'destroySoon')
    socket.end()
    request.once('end', () => socket.destroySoon())
  }
}
