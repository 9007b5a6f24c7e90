import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** The message of Node's own channels. */
export interface HttpMessage {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly socket: Socket
  readonly server: unknown
}

const requestStart = 'http.server.request.start'
const responseFinish = 'http.server.response.finish'

/**
 * Follows the HTTP/1 requests of this process.
 *
 * They are learned from Node's diagnostics channels and not from `request` events: these see `Expect: 100-continue`
 * with a `checkContinue` listener too, survive a library that replaces the `request` listeners (engine.io does), need no
 * listener per request, and on HTTP/2 a `request` listener would switch on the compatibility layer for servers that only use `stream`.
 */
export function requestChannels(onStart: (message: HttpMessage) => void, onFinish: (message: HttpMessage) => void): { readonly follow: () => void; readonly unfollow: () => void } {
  const start = onStart as (message: unknown) => void
  const finish = onFinish as (message: unknown) => void
  let subscribed = false
  return {
    follow() {
      if (subscribed) return
      subscribed = true
      subscribe(requestStart, start)
      subscribe(responseFinish, finish)
    },
    unfollow() {
      subscribed = false
      unsubscribe(requestStart, start)
      unsubscribe(responseFinish, finish)
    },
  }
}
