import { ServerResponse, type OutgoingHttpHeaders } from 'node:http'

/** Undocumented, but what Node 20 to 26 write every head of an answer with. */
type Writable = ServerResponse & { _storeHeader?: (firstLine: string, headers: unknown) => void }

/** What is said about a connection that goes on, and does not. */
const aboutTheConnection = new Set(['connection', 'keep-alive'])

/**
 * Lets an answer say `Connection: close` although the application has said otherwise, as every proxy does that passes its upstream's
 * headers on. It happens where the head is written, behind all ways to set a header and all who wrap them, and only if `isDue` then.
 * Other tokens stay: an answer that offers an `Upgrade` has to name it. A `101` stays as it is.
 */
export function sayClose(response: Writable, isDue: () => boolean): void {
  const store = response._storeHeader
  if (typeof store !== 'function') {
    // All that is left: a header of the application's own outvotes it, and it is not taken back.
    response.shouldKeepAlive = false
    return
  }
  response._storeHeader = (firstLine, headers) => {
    const says = isDue() && response.statusCode !== 101
    if (says) response.shouldKeepAlive = false
    store.call(response, firstLine, says ? closing(response, headers) : headers)
  }
}

/** The headers of a head, in the form in which Node was about to write them. */
function closing(response: ServerResponse, headers: unknown): unknown {
  // The methods that others may have wrapped are for what the application says.
  const node = ServerResponse.prototype
  // Where one header was set by itself, Node has put all others to it, and writes those.
  if (node.getHeaderNames.call(response).length > 0) {
    node.setHeader.call(response, 'Connection', closeAnd([node.getHeader.call(response, 'connection')]))
    node.removeHeader.call(response, 'keep-alive')
    return headers
  }
  if (!Array.isArray(headers)) return Object.fromEntries(withClose(Object.entries((headers ?? {}) as OutgoingHttpHeaders)))
  if (Array.isArray(headers[0])) return withClose(headers as [string, unknown][])
  // An odd one is Node's to refuse.
  return headers.length % 2 === 0 ? withClose(inPairs(headers)).flat() : headers
}

function withClose(headers: readonly (readonly [name: string, value: unknown])[]): [string, unknown][] {
  const said = headers.filter(([name]) => String(name).toLowerCase() === 'connection').map(([, value]) => value)
  const others = headers.filter(([name]) => !aboutTheConnection.has(String(name).toLowerCase()))
  return [...others.map(([name, value]): [string, unknown] => [name, value]), ['Connection', closeAnd(said)]]
}

function closeAnd(said: readonly unknown[]): string {
  const tokens = said.flat().join(',').split(',')
  const others = tokens.map((token) => token.trim()).filter((token) => !['', 'close', 'keep-alive'].includes(token.toLowerCase()))
  return ['close', ...others].join(', ')
}

function inPairs(flat: readonly unknown[]): [string, unknown][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[index * 2] as string, flat[index * 2 + 1]])
}
