import type { ServerResponse } from 'node:http'
import { settlesLater } from './handler-promises.ts'
import { notice } from './notice-call.ts'

const endedKey: unique symbol = Symbol('lameduck.endedSince')
type Left = ServerResponse & { [endedKey]?: () => boolean }

/** From when its client has left, an answer of HTTP/1 remembers whether its handler has come to its end. */
export function rememberEnd(response: ServerResponse): void {
  response.on('close', onClose)
}

/** Whether the handler has come to its end since its client left: its promise has settled, or it has destroyed the answer. */
export function hasEndedSince(response: Left): boolean {
  return response[endedKey]?.() === true
}

/** One function for all of them. */
function onClose(this: Left): void {
  if (this.writableEnded) return
  const hasSettled = settlesLater(this)
  let isDestroyed = false
  this[endedKey] = () => isDestroyed || hasSettled?.() === true
  // Later than what listens to `close`, as `pipeline` does: that destroys it beside a handler that goes on.
  setImmediate(() => notice(this, 'destroy', () => void (isDestroyed = true)))
}
