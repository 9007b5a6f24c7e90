import type { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Tallying } from '@lameduck/core'
import { nameOf, describeRequest } from './describe-request.ts'
import type { Exchange, Stream } from './connection.ts'

/** Errors that the other end makes: it has reset the connection, is gone, is too slow with its request, or sends none. */
const peersErrors = /^(?:ECONNRESET|EPIPE|ETIMEDOUT|ECONNABORTED|ERR_HTTP_REQUEST_TIMEOUT|HPE_\w+)$/

/** It has no end, so that nothing is missing in one that was broken off: its client comes again. */
const eventStream = /^content-type: *text\/event-stream/im

/**
 * Counts a request whose connection has closed before its answer was complete. A client that has hung up gave its answer up by
 * itself; anything else ended it on this side: a handler, a proxy whose upstream is gone, another library's close.
 */
export function countLost(tally: Tallying, socket: Socket, exchange: Exchange): void {
  const { response } = exchange
  if (hungUp(socket, response)) return
  if (eventStream.test(headOf(response))) return tally.done()
  tally.failed(nameOf(exchange), response.errored ?? socket.errored ?? new Error('its connection was closed before the answer was complete'))
}

/** Counts a stream of HTTP/2 that is over. */
export function countStream(tally: Tallying, stream: ServerHttp2Stream, about: Stream): void {
  if (!stream.aborted) return tally.done()
  // Reset by the client, which Node takes for the end of what is written.
  if (!stream.errored && stream.writableFinished) return
  if (eventStream.test(`content-type: ${String(stream.sentHeaders?.['content-type'])}`)) return tally.done()
  tally.failed(describeRequest(about), stream.errored ?? new Error('it was closed before the answer was complete'))
}

function hungUp(socket: Socket, response: ServerResponse): boolean {
  // An error that the handler destroys the answer with may be its upstream's ECONNRESET.
  return socket.readableEnded || (!response.errored && peersErrors.test((socket.errored as NodeJS.ErrnoException | null)?.code ?? ''))
}

/** As it was sent. `getHeader` knows nothing of what `writeHead` was given. */
function headOf(response: ServerResponse & { readonly _header?: unknown }): string {
  return typeof response._header === 'string' ? response._header : ''
}
