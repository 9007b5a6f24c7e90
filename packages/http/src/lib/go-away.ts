import type { ServerHttp2Session } from 'node:http2'
import { Socket } from 'node:net'

/** GOAWAY, no error, with the highest stream id there is (RFC 9113 §6.8): "open no more streams here; those you have opened are served". */
const shutdownNotice = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])

/**
 * Tells an HTTP/2 client to go elsewhere in the two steps of RFC 9113 §6.8, where Node can be made to: first GOAWAY with
 * the highest id, then, when a round trip has shown that the client knows, `session.close()` with the last id that was served.
 * Two round trips, since the answer to the first ping may overtake requests that the client had queued.
 *
 * Node has no call for the first step (`session.goaway(0, 2 ** 31 - 1)` makes it ignore later streams), so the frame is
 * written between two of Node's own, which end where its writes end. On TLS that would abort the process (an assertion of its
 * TLSWrap), and `session.close()` at once is all there is: streams on the wire are refused then, which clients may repeat.
 *
 * A stream of the application's own that is given to the server is no socket of libuv either, and aborts the process like TLS. `close`
 * is called when the client knows, or at once; also for a session that has ended meanwhile.
 */
export function goAway(session: ServerHttp2Session, socket: Socket, close: () => void): void {
  // No subclass: those of TLS, and of Node's wrapper around other streams, are sockets by class alone.
  if (socket.constructor !== Socket || !socket.writable) return close()
  socket.write(shutdownNotice)
  roundTrip(session, () => roundTrip(session, close))
}

/** A session that is closing, or whose pings are used up by the application, has no round trip to offer. */
function roundTrip(session: ServerHttp2Session, then: () => void): void {
  try {
    if (session.closed || session.destroyed || !session.ping(() => then())) then()
  } catch {
    then()
  }
}
