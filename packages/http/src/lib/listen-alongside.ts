import type { EventEmitter } from 'node:events'

/**
 * Runs `listener` before the other listeners of `event`, and only while there are others.
 *
 * A listener of `upgrade` or `connect` changes what a server does: without one, a request with an `Upgrade` header
 * is served as any other request, and CONNECT is refused.
 */
export function listenAlongside(emitter: EventEmitter, event: string, listener: (...args: never[]) => void): void {
  const own = listener as (...args: unknown[]) => void
  let attached = false
  emitter.on('newListener', (name: string | symbol) => {
    if (name === event) attach()
  })
  emitter.on('removeListener', (name: string | symbol, removed: unknown) => {
    if (name !== event) return
    if (removed === own) attached = false
    else if (attached && emitter.listenerCount(event) === 1) emitter.removeListener(event, own)
  })
  if (emitter.listenerCount(event) > 0) attach()

  function attach(): void {
    if (attached) return
    // Set first: adding emits `newListener` again.
    attached = true
    emitter.prependListener(event, own)
  }
}
