import type { ServerResponse } from 'node:http'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Stream } from './connection.ts'

/** Errors that the other end makes: it has reset the connection, is gone, is too slow with its request, or sends none. */
const peersErrors = /^(?:ECONNRESET|EPIPE|ETIMEDOUT|ECONNABORTED|ERR_HTTP_REQUEST_TIMEOUT|HPE_\w+)$/

/** Whether it is the client that has left an HTTP/1 request without all of its answer. */
export function hungUp(socket: Socket, response: ServerResponse): boolean {
  // An error that the handler destroys the answer with may be its upstream's ECONNRESET.
  return hasLeft(socket, response) || (!response.errored && isPeers(socket.errored))
}

/** Whether it is the client that has closed a stream without all of its answer. It may have been reset on this side: both look alike. */
export function hungUpOn(stream: ServerHttp2Stream, about: Stream, { session, socket }: { readonly session: ServerHttp2Session; readonly socket: Socket }): boolean {
  if (socket.readableEnded || isPeers(socket.errored)) return true
  return !session.destroyed && !socket.destroyed && (stream.aborted ? about.isCancelled : !stream.errored && stream.rstCode !== 0)
}

export function isPeers(error: (Error & { readonly code?: string }) | null): boolean {
  return peersErrors.test(error?.code ?? '')
}

/**
 * A client that has sent its FIN may still read. In the middle of its request it has given up. Behind it, Node by itself ends the connection
 * then, at any time, so that it gets no answer; where it does not, or the answer was being sent, the client was to get it.
 */
function hasLeft(socket: Socket & { readonly server?: unknown }, { req }: ServerResponse): boolean {
  if (!socket.readableEnded) return false
  const { httpAllowHalfOpen } = (socket.server ?? {}) as { readonly httpAllowHalfOpen?: boolean }
  return !req.complete || (socket.writableFinished && httpAllowHalfOpen !== true)
}
