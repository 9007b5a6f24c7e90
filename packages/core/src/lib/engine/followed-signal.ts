import { setMaxListeners } from 'node:events'
import { isThenable } from '../thenable.ts'

/** A signal that says which of its listeners have begun work: an async one returns a promise, which an EventTarget drops. */
export interface FollowedSignal {
  readonly signal: AbortSignal
  readonly abort: () => void
  /** How many of those promises have not settled. */
  readonly pending: () => number
  /** Resolves when all of them have; never rejects. */
  readonly settled: () => Promise<unknown>
}

type Callback = (this: AbortSignal, event: Event) => unknown
type Listener = Callback | { handleEvent(event: Event): unknown }

export function createFollowedSignal(): FollowedSignal {
  const controller = new AbortController()
  const { signal } = controller
  const followed = new WeakMap<object, Callback>()
  const pending = new Set<Promise<unknown>>()
  // Every open event stream listens to it; Node would take more than ten for a leak.
  setMaxListeners(0, signal)
  const add = Reflect.get(signal, 'addEventListener') as object as (...parameters: unknown[]) => void
  const remove = Reflect.get(signal, 'removeEventListener') as object as (...parameters: unknown[]) => void
  signal.addEventListener = (type: string, listener: unknown, ...rest: unknown[]) => Reflect.apply(add, signal, [type, isListener(listener) ? follow(listener) : listener, ...rest])
  signal.removeEventListener = (type: string, listener: unknown, ...rest: unknown[]) =>
    Reflect.apply(remove, signal, [type, isListener(listener) ? (followed.get(listener) ?? listener) : listener, ...rest])

  return {
    signal,
    abort: () => controller.abort(),
    pending: () => pending.size,
    settled: () => Promise.all(pending),
  }

  /** The same one for the same listener, which an EventTarget calls once, however often it was added. */
  function follow(listener: Listener): Callback {
    const known = followed.get(listener)
    if (known) return known
    const following: Callback = function (this: AbortSignal, event) {
      const returned = typeof listener === 'function' ? listener.call(this, event) : listener.handleEvent(event)
      if (isThenable(returned)) keep(returned)
      // Node makes an uncaught error of its rejection, as without this.
      return returned
    }
    followed.set(listener, following)
    return following
  }

  function keep(work: PromiseLike<unknown>): void {
    const ended: Promise<unknown> = Promise.resolve(work).then(
      () => pending.delete(ended),
      () => pending.delete(ended),
    )
    pending.add(ended)
  }
}

/** What an EventTarget takes: a function, or an object with one. */
function isListener(listener: unknown): listener is Listener {
  return typeof listener === 'function' || typeof (listener as { readonly handleEvent?: unknown } | null | undefined)?.handleEvent === 'function'
}

/**
 * What to say of listeners that are still at work when everything has stopped: no step waits for them.
 *
 * @param awaitingStop how many may wait for the end of the stop itself
 */
export function doubtListeners(name: string, { pending }: FollowedSignal, awaitingStop: number): string[] {
  const left = pending() - awaitingStop
  if (left <= 0) return []
  return [
    `When everything had stopped, ${left === 1 ? 'an async listener' : `${left} async listeners`} of lifecycle.${name} had not finished, and no step waited for ${left === 1 ? 'it' : 'them'}. ` +
      'Do that work in the drain of a resource, or run it in trackedWork().',
  ]
}
