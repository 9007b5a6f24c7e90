import type { ServerResponse } from 'node:http'

/** Answers of which nothing had been sent, and that were ended while they told of their close; and those that are telling it now. */
const onClose = new WeakSet<ServerResponse>()

/**
 * Remembers whether it is a listener of `close` that ends an answer of which nothing had been sent: it tidies up, and the handler may be at work. Once
 * part was sent it may well be a feed, which has no other end.
 */
export function rememberCloseEnds(response: ServerResponse): void {
  response.prependListener('close', onResponseClose)
}

/** Whether the handler has ended its answer, which reaches nobody where its client has gone. */
export function hasEnded(response: ServerResponse): boolean {
  return response.writableEnded && !onClose.has(response)
}

function onResponseClose(this: ServerResponse): void {
  if (this.writableEnded || this.headersSent) return
  onClose.add(this)
  afterListeners(() => this.writableEnded || onClose.delete(this))
}

/** Calls `then` when the listeners of the event that is being told have returned; before what they have begun goes on. */
export function afterListeners(then: () => void): void {
  queueMicrotask(then)
}
