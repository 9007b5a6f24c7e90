import type { ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'

const inHead = /^content-type: *(.*)/im

/** The type of an answer, as it was sent: empty where it has none yet. `getHeader` knows nothing of what `writeHead` was given. */
export function typeOf(response: ServerResponse & { readonly _header?: unknown }): string {
  return (typeof response._header === 'string' && inHead.exec(response._header)?.[1]) || ''
}

/** The same, of a stream. */
export function typeOn(stream: ServerHttp2Stream): string {
  return String(stream.sentHeaders?.['content-type'] ?? '')
}

/** It has no end, so that nothing is missing in one that was broken off: its client comes again. */
export function isEventStream(type: string): boolean {
  return /^text\/event-stream/i.test(type)
}
