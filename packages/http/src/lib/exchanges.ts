import type { ServerResponse } from 'node:http'
import type { Exchange } from './connection.ts'

/**
 * Tells the newest answer of a socket to say `Connection: close`, and takes it back from the older one.
 *
 * `shouldKeepAlive` and not a header: it can be taken back. With `Connection: close` on the first of three pipelined
 * requests all three handlers run and one answer is delivered, so only the newest one carries it.
 */
export function markNewest(newest: Exchange): void {
  if (newest.previous) unmark(newest.previous)
  const { response } = newest
  if (response.headersSent || !response.shouldKeepAlive) return
  response.shouldKeepAlive = false
  newest.marked = true
}

export function unmark(exchange: Exchange): void {
  if (!exchange.marked || exchange.response.headersSent) return
  exchange.response.shouldKeepAlive = true
  exchange.marked = false
}

/** Takes one answer out of the chain, and returns what is then the newest; `undefined` when there is none left. */
export function unlink(newest: Exchange, response: ServerResponse): Exchange | undefined {
  if (newest.response === response) return newest.previous
  let newer = newest
  while (newer.previous && newer.previous.response !== response) newer = newer.previous
  if (newer.previous) newer.previous = newer.previous.previous
  return newest
}

/** Whether the answer is one of the chain. */
export function holds(newest: Exchange, response: ServerResponse): boolean {
  return newest.response === response || (newest.previous !== undefined && holds(newest.previous, response))
}

/** Oldest first, as they are answered. */
export function chain(newest: Exchange): Exchange[] {
  return newest.previous ? [...chain(newest.previous), newest] : [newest]
}
