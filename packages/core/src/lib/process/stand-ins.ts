import type { Bindings } from './process-bindings.ts'
import type { AnyListener, OtherListener } from './other-listeners.ts'
import type { ProcessLike } from './process-like.ts'

/** A function of ours in the place of somebody else's listener. */
export interface StandIn extends OtherListener {
  /** Whether its owner has not removed it meanwhile. */
  isThere(): boolean
  /** Takes it away, as `once` does before the call. */
  remove(): void
  /** Puts the listener back, if its owner has not removed it. */
  putBack(): void
}

/**
 * Puts `own` in the listener's place. It carries the listener where `once` carries its own, so that its owner sees no difference:
 * `process.listeners()` shows the listener, and `process.off()` removes it.
 */
export function standIn(target: ProcessLike, other: OtherListener, bindings: Bindings, own: AnyListener): StandIn {
  const { event, listener, once } = other
  const stand = Object.assign((...parameters: unknown[]) => own(...parameters), { listener })
  const isThere = (): boolean => target.rawListeners(event).includes(stand)
  const remove = (): void => {
    target.off(event, stand)
    bindings.listeners.delete(stand)
  }
  bindings.listeners.add(stand)
  // The same function may have been added several times; what it does at the end it does once.
  while (target.listeners(event).includes(listener)) target.off(event, listener)
  target.on(event, stand)
  return {
    ...other,
    isThere,
    remove,
    putBack() {
      const wasThere = isThere()
      remove()
      if (wasThere) target[once ? 'once' : 'on'](event, listener)
    },
  }
}
