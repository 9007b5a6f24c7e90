import { callerOfAdding } from './call-site.ts'
import type { Bindings } from './process-bindings.ts'
import type { ProcessLike } from './process-like.ts'

export type AnyListener = (this: unknown, ...parameters: unknown[]) => unknown

/** A listener that is not lameduck's. */
export interface OtherListener {
  readonly event: string
  readonly listener: AnyListener
  readonly once: boolean
  /** The function and the file that added it, where it came after the binding. */
  readonly addedBy: string | undefined
}

export interface OtherListeners {
  /** Those that are there now, oldest first. */
  found(): OtherListener[]
  close(): void
}

/**
 * Finds the listeners of others for `events`. `onAdded` is called for each that comes later, before anything else can happen: a signal is
 * delivered in a later turn of the event loop.
 */
export function watchOtherListeners(target: ProcessLike, events: readonly string[], bindings: Bindings, onAdded: (added: OtherListener) => void): OtherListeners {
  const addedBy = new WeakMap<AnyListener, string>()
  target.on('newListener', onNewListener)

  function onNewListener(event: unknown, listener: unknown): void {
    if (typeof event !== 'string' || !events.includes(event) || !isListener(listener) || bindings.listeners.has(listener)) return
    const caller = callerOfAdding()
    if (caller !== undefined && !addedBy.has(listener)) addedBy.set(listener, caller)
    // It is told of before it is there.
    queueMicrotask(() => {
      const added = found().find((each) => each.event === event && each.listener === listener)
      if (added) onAdded(added)
    })
  }

  function found(): OtherListener[] {
    return events.flatMap((event) =>
      target
        .rawListeners(event)
        .filter((raw) => isListener(raw) && !bindings.listeners.has(raw))
        .map((raw) => {
          // `once` puts a function in place of the listener, and keeps the listener on it.
          const inner: unknown = (raw as { listener?: unknown }).listener
          const listener = isListener(inner) ? inner : (raw as AnyListener)
          return { event, listener, once: isListener(inner), addedBy: addedBy.get(listener) }
        }),
    )
  }

  return { found, close: () => void target.off('newListener', onNewListener) }
}

function isListener(value: unknown): value is AnyListener {
  return typeof value === 'function'
}
