import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2'

type Answer = ServerResponse | Http2ServerResponse | ServerHttp2Stream

const ended = new WeakSet<Answer>()

/**
 * Tells that the handler of an answer has ended, whatever has become of the answer. For what sits between a server and its handlers, and ends
 * no answer of a client that has left, as `@grpc/grpc-js` does not: otherwise such a handler is `unknown` for good.
 */
export function handlerEnded(answer: Answer): void {
  ended.add(answer)
}

/** Whether somebody has told so. */
export function hasBeenEnded(answer: Answer): boolean {
  return ended.has(answer)
}
