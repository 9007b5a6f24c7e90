import type { Server, Socket } from 'node:net'
import { idle, type Connection, type Exchange } from './connection.ts'
import { append, mark, newExchange, shift, unmark } from './exchanges.ts'
import type { Followed } from './followed.ts'
import { lingerOnClose } from './linger-on-close.ts'
import { requestChannels, type HttpMessage } from './request-channels.ts'
import type { SocketSlots } from './socket-slots.ts'
import { wasCutOff } from './was-cut-off.ts'

/** Follows HTTP/1: a socket is `active` as long as an answer is due on it, and every answer says `Connection: close` from the announcement on. */
export function followRequests(server: Server, slots: SocketSlots, followed: Followed): { readonly follow: () => void; readonly unfollow: () => void } {
  function onStart({ server: from, request, response, socket }: HttpMessage): void {
    if (from !== server) return
    const oldest = slots.get(socket)
    const exchange = newExchange(response, request.url, socket.bytesWritten)
    if (oldest?.kind === 'active') {
      if (followed.announced) unmark(oldest.newest)
      append(oldest, exchange)
    } else {
      slots.put(socket, exchange)
    }
    if (followed.announced) mark(exchange)
    followed.forwarded.look(request.headers)
    slots.arrived(socket)
  }

  function onFinish({ server: from, request, response, socket }: HttpMessage): void {
    if (from !== server) return
    const oldest = slots.get(socket)
    // Begun before the server was attached.
    if (!oldest) {
      slots.put(socket, whenIdle(socket, followed.announced))
      return slots.finished(socket)
    }
    if (oldest.kind !== 'active' || oldest.response !== response) return
    // Its end is told when the socket has closed.
    if (wasCutOff(socket)) return
    if (followed.outcomes) followed.outcomes.answered(oldest)
    else followed.behind.answered(request, response)
    const next = shift(oldest)
    if (followed.announced) {
      followed.arrivals.exchangeOver(oldest)
      if (!request.complete && !response.shouldKeepAlive) lingerOnClose(socket, request)
    }
    if (next) slots.put(socket, next)
    else if (request.complete) slots.put(socket, whenIdle(socket, followed.announced))
    else leaveOver(socket, oldest)
    slots.finished(socket)
  }

  function leaveOver(socket: Socket, exchange: Exchange): void {
    const leftover: Connection = { kind: 'leftover', exchange, answeredAt: performance.now() }
    slots.put(socket, leftover)
    exchange.response.req.once('end', () => {
      if (slots.get(socket) !== leftover) return
      slots.put(socket, whenIdle(socket, followed.announced))
      slots.changed(socket)
    })
  }

  return requestChannels(onStart, onFinish)
}

/** What a socket is whose requests have all been answered. */
export function whenIdle(socket: Socket, announced: boolean): Connection {
  return announced ? { kind: 'idle', bytesRead: socket.bytesRead } : idle
}
