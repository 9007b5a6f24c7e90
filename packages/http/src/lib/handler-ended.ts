import type { ServerHttp2Stream } from 'node:http2'

const ended = new WeakSet<ServerHttp2Stream>()

/**
 * Tells that the handler of a stream has ended, whatever has become of its answer. For what sits between a server and its handlers, and ends
 * no answer of a client that has left, as `@grpc/grpc-js` does not: otherwise such a handler is `unknown` for good.
 */
export function handlerEnded(stream: ServerHttp2Stream): void {
  ended.add(stream)
}

/** Whether somebody has told so. */
export function hasBeenEnded(stream: ServerHttp2Stream): boolean {
  return ended.has(stream)
}
