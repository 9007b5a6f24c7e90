import { isThenable } from '../thenable.ts'
import { callAndTell } from './begun-work.ts'
import { isTracked } from './tracked-work.ts'
import { noPromise, type Tracker } from './tracker.ts'

/** The part of an EventEmitter that is used. */
export interface EmitterLike {
  emit(event: string, ...values: unknown[]): boolean
  rawListeners(event: string): unknown[]
}

/** As `rawListeners` has it. */
type Listener = ((...values: unknown[]) => unknown) & { readonly listener?: unknown }

export interface FollowOptions {
  /** Names an event in reports, such as `message on jobs`. */
  readonly what: (event: string, values: readonly unknown[]) => string
  /** Counts a listener that returns no promise as `unknown`. Not for events that bring no work, such as those that keep a cache fresh. */
  readonly doubts: boolean
}

const itsListenerReturned = `its listener ${noPromise}`

/**
 * Makes work of what the listeners of these events return: a promise is under way in `tracker` until it settles. Listeners see no
 * difference: `this`, values, order, `once` and what they throw are as they were, and one that rejects still ends in `unhandledRejection`.
 *
 * What a listener of `trackedWork` does is counted there, and what `work.run()` does that is begun in its call. Another one that returns no promise cannot be followed, whatever else it
 * returns (the length of a queue, a timer): if it was called in the last 30 s before the stop, or during it, that is `unknown`.
 *
 * @returns a function for `quiesce`: from then on it counts
 */
export function followListeners(emitter: EmitterLike, events: readonly string[], tracker: Tracker, { what, doubts }: FollowOptions): () => void {
  const emit = Reflect.get(emitter, 'emit') as (...values: unknown[]) => boolean

  emitter.emit = function emitFollowed(this: EmitterLike, event, ...values) {
    if (!events.includes(event)) return Reflect.apply(emit, this, [event, ...values])
    const listeners = this.rawListeners(event)
    for (const listener of listeners) call(this, listener as Listener, event, values)
    return listeners.length > 0
  }
  return tracker.tally.begin

  function call(self: EmitterLike, listener: Listener, event: string, values: readonly unknown[]): void {
    let result: unknown
    let isAnswered: boolean
    try {
      const { returned, hasBegunWork } = callAndTell(() => Reflect.apply(listener, self, values))
      result = returned
      isAnswered = hasBegunWork
    } catch (error) {
      tracker.tally.failed(what(event, values), error)
      throw error
    }
    // `once` has wrapped its listener.
    if (isTracked(listener.listener ?? listener)) return
    if (isAnswered && !isThenable(result)) return
    if (isThenable(result)) return follow(result, tracker.begin(() => what(event, values)))
    if (doubts) tracker.tally.doubt(event, itsListenerReturned)
    else tracker.tally.done()
  }

  function follow(result: PromiseLike<unknown>, end: (error?: unknown) => void): void {
    void result.then(
      () => end(),
      (error: unknown) => {
        end(error)
        // Nobody else awaits it, and it is to be an unhandled rejection as before.
        throw error
      },
    )
  }
}
