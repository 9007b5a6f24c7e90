import type { ServerResponse } from 'node:http'
import type { Exchange } from './connection.ts'

/*
 * The unanswered requests of one connection, which are more than one only where a client pipelines. The socket keeps the oldest:
 * answers are finished in the order of their requests. Each step takes the same time, however many there are: a client may send thousands.
 */

export function newExchange(response: ServerResponse, bytesBefore: number): Exchange {
  const exchange: Omit<Exchange, 'newest'> & { newest?: Exchange } = {
    kind: 'active',
    response,
    startedAt: performance.now(),
    bytesBefore,
    marked: false,
    newer: undefined,
    count: 1,
  }
  exchange.newest = exchange as Exchange
  return exchange as Exchange
}

export function append(oldest: Exchange, newest: Exchange): void {
  oldest.newest.newer = newest
  oldest.newest = newest
  oldest.count += 1
}

/** Takes the oldest away and returns the one that is then the oldest, if there is one. */
export function shift(oldest: Exchange): Exchange | undefined {
  const { newer } = oldest
  if (newer) {
    newer.newest = oldest.newest
    newer.count = oldest.count - 1
  }
  return newer
}

export function* fromOldest(oldest: Exchange): Generator<Exchange> {
  for (let each: Exchange | undefined = oldest; each; each = each.newer) yield each
}

/**
 * Tells an answer to say `Connection: close`.
 *
 * `shouldKeepAlive` and not a header: it can be taken back. With `Connection: close` on the first of three pipelined
 * requests all three handlers run and one answer is delivered, so only the newest one may carry it.
 */
export function mark(exchange: Exchange): void {
  const { response } = exchange
  if (response.headersSent || !response.shouldKeepAlive) return
  response.shouldKeepAlive = false
  exchange.marked = true
}

/** Takes it back, while that is possible. */
export function unmark(exchange: Exchange): void {
  if (!exchange.marked || exchange.response.headersSent) return
  exchange.response.shouldKeepAlive = true
  exchange.marked = false
}
