import type { ServerResponse } from 'node:http'
import type { Exchange } from './connection.ts'
import { rememberEnd } from './ended-since.ts'
import { rememberCloseEnds } from './ended-on-close.ts'
import { rememberPipes } from './fed.ts'
import { isSafe } from './safe-methods.ts'
import { sayClose } from './say-close.ts'

/*
 * The unanswered requests of one connection, which are more than one only where a client pipelines. The socket keeps the oldest:
 * answers are finished in the order of their requests. Each step takes the same time, however many there are: a client may send thousands.
 */

export function newExchange(response: ServerResponse, url: string | undefined, bytesBefore: number): Exchange {
  const exchange: Omit<Exchange, 'newest'> & { newest?: Exchange } = {
    kind: 'active',
    response,
    url: url ?? '',
    startedAt: performance.now(),
    bytesBefore,
    marked: undefined,
    newer: undefined,
    count: 1,
  }
  exchange.newest = exchange as Exchange
  if (!isSafe(response.req.method)) {
    rememberPipes(response)
    rememberEnd(response)
    rememberCloseEnds(response)
  }
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
 * Tells an answer to say `Connection: close`, if it still is to when its head is written. With that on the first of three
 * pipelined requests all three handlers run and one answer is delivered, so only the newest one may carry it.
 */
export function mark(exchange: Exchange): void {
  if (exchange.response.headersSent) return
  if (exchange.marked === undefined) sayClose(exchange.response, () => exchange.marked === true)
  exchange.marked = true
}

/** Takes it back, while that is possible. */
export function unmark(exchange: Exchange): void {
  if (exchange.marked !== undefined) exchange.marked = false
}
