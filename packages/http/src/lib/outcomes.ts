import type { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { createTally, type Tally } from '@lameduck/core'
import type { Exchange, Stream } from './connection.ts'
import { describeRequest, nameOf } from './describe-request.ts'

/** What became of requests, streams and upgraded sockets since it was made. */
export interface Outcomes {
  answered(): void
  /** The connection has closed before the answer was complete. */
  lost(socket: Socket, exchange: Exchange): void
  streamOver(stream: ServerHttp2Stream, about: Stream): void
  /** Whichever way: nobody can tell what was still to be said on it. */
  upgradeOver(): void
  cut(units: number): void
  read(): Tally
}

/** Errors that the other end makes: it has reset the connection, is gone, is too slow with its request, or sends none. */
const peersErrors = /^(?:ECONNRESET|EPIPE|ETIMEDOUT|ECONNABORTED|ERR_HTTP_REQUEST_TIMEOUT|HPE_\w+)$/

/** It has no end, so that nothing is missing in one that was broken off: its client comes again. */
const eventStream = /^content-type: *text\/event-stream/im

const mostReasons = 5

/**
 * An answer that this side breaks off has failed. A client that has hung up gave its answer up by itself; but if nothing of that had been
 * sent, its handler may be in the middle of the work, and until it ends its answer nobody can tell what has become of that.
 */
export function createOutcomes(): Outcomes {
  const tally = createTally()
  /** Without a client, and without an end. */
  const abandoned = new Set<Exchange>()
  tally.begin()

  return {
    answered: () => tally.done(),
    lost(socket, exchange) {
      const { response } = exchange
      if (hungUp(socket, response)) {
        if (response.req.complete && !response.headersSent) abandoned.add(exchange)
      } else if (eventStream.test(headOf(response))) {
        tally.done()
      } else {
        tally.failed(nameOf(exchange), response.errored ?? socket.errored ?? new Error('its connection was closed before the answer was complete'))
      }
    },
    streamOver(stream, about) {
      if (!stream.aborted || eventStream.test(`content-type: ${String(stream.sentHeaders?.['content-type'])}`)) return tally.done()
      // Reset by the client, which Node takes for the end of what is written.
      if (!stream.errored && stream.writableFinished) return
      tally.failed(describeRequest(about), stream.errored ?? new Error('it was closed before the answer was complete'))
    },
    upgradeOver: () => tally.done(),
    cut: (units) => tally.cut(units),
    read() {
      const counted = tally.read()
      const open = [...abandoned].filter(({ response }) => !response.writableEnded)
      const reasons = new Set([...counted.reasons, ...open.map((exchange) => `${nameOf(exchange)}: its client hung up, and its handler had not ended`)])
      return { ...counted, done: counted.done + abandoned.size - open.length, unknown: open.length, reasons: [...reasons].slice(0, mostReasons) }
    },
  }
}

function hungUp(socket: Socket, response: ServerResponse): boolean {
  // An error that the handler destroys the answer with may be its upstream's ECONNRESET.
  return socket.readableEnded || (!response.errored && peersErrors.test((socket.errored as NodeJS.ErrnoException | null)?.code ?? ''))
}

/** As it was sent. `getHeader` knows nothing of what `writeHead` was given. */
function headOf(response: ServerResponse & { readonly _header?: unknown }): string {
  return typeof response._header === 'string' ? response._header : ''
}
