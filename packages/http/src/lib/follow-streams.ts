import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Server, Socket } from 'node:net'
import { noticeDestroy } from './broken-off.ts'
import type { Http2, Stream } from './connection.ts'
import { followHandler } from './follow-handler.ts'
import type { Followed } from './followed.ts'
import type { SocketSlots } from './socket-slots.ts'

/** Follows HTTP/2: a socket has a session, and that has its streams without a complete answer. */
export function followStreams(server: Server, slots: SocketSlots, followed: Followed): void {
  server.on('session', onSession)
  server.prependListener('stream', onStream)

  function onSession(session: ServerHttp2Session): void {
    if (session.destroyed) return
    slots.changed(http2Of(session).socket)
  }

  function onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const session = stream.session as ServerHttp2Session | undefined
    if (!session || session.destroyed) return
    const { socket, http2 } = http2Of(session)
    const about: Stream = { method: String(headers[':method']), url: String(headers[':path'] ?? headers[':authority'] ?? ''), headers, startedAt: performance.now(), hasHandlerEnded: undefined, isCancelled: false }
    http2.used = true
    http2.streams.set(stream, about)
    noticeDestroy(stream)
    followed.forwarded.look(headers)
    slots.arrived(socket)
    stream.on('aborted', () => {
      about.isCancelled = !stream.destroyed
      about.hasHandlerEnded = followHandler(stream, about)
    })
    stream.on('close', () => {
      if (!http2.streams.delete(stream)) return
      followed.arrivals.streamOver(stream, about)
      const counts = followed.outcomes ?? followed.leavers
      counts.streamOver(stream, about, { session, socket })
      if (!followed.outcomes && !about.hasHandlerEnded) followed.behind.answered(about, stream)
      slots.finished(socket)
    })
  }

  function http2Of(session: ServerHttp2Session): { readonly socket: Socket; readonly http2: Http2 } {
    // `session.socket` is a proxy that forbids destroying; `valueOf` is bound to the real socket and returns it.
    const socket = session.socket.valueOf() as Socket
    const known = slots.get(socket)
    if (known?.kind === 'http2') return { socket, http2: known }
    const acceptedAt = known?.kind === 'unused' ? known.acceptedAt : performance.now()
    const http2: Http2 = { kind: 'http2', session, acceptedAt, used: false, streams: new Map() }
    slots.put(socket, http2)
    return { socket, http2 }
  }
}
