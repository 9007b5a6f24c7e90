import { isTracked } from './tracked-work.ts'
import type { Tracker } from './tracker.ts'

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
  /** Counts a listener that returns nothing as `unknown`. Not for events that bring no work, such as those that keep a cache fresh. */
  readonly doubts: boolean
}

/** How long before a stop a listener may have been called that is doubted in it, in ms. */
const recentMs = 30_000

const fix = 'its listener returns nothing, so nobody knows when its work is done: let it return the promise, or wrap it by trackedWork()'

/**
 * Makes work of what the listeners of these events return: a promise is under way in `tracker` until it settles. Listeners see no
 * difference: `this`, values, order, `once` and what they throw are as they were, and one that rejects still ends in `unhandledRejection`.
 *
 * What a listener of `trackedWork` does is counted there. One that returns nothing cannot be followed: if it was called in the last 30 s
 * before the stop, or during it, that is `unknown`.
 *
 * @returns a function for `quiesce`: from then on it counts
 */
export function followListeners(emitter: EmitterLike, events: readonly string[], tracker: Tracker, { what, doubts }: FollowOptions): () => void {
  const emit = Reflect.get(emitter, 'emit') as (...values: unknown[]) => boolean
  const recent: { readonly second: number; readonly event: string; count: number }[] = []
  let isCounting = false

  emitter.emit = function emitFollowed(this: EmitterLike, event, ...values) {
    if (!events.includes(event)) return Reflect.apply(emit, this, [event, ...values])
    const listeners = this.rawListeners(event)
    for (const listener of listeners) call(this, listener as Listener, event, values)
    return listeners.length > 0
  }
  return () => {
    if (isCounting) return
    isCounting = true
    tracker.tally.begin()
    forgetOld()
    for (const { event, count } of recent) doubt(event, count)
  }

  function call(self: EmitterLike, listener: Listener, event: string, values: readonly unknown[]): void {
    let result: unknown
    try {
      result = Reflect.apply(listener, self, values)
    } catch (error) {
      tracker.tally.failed(what(event, values), error)
      throw error
    }
    // `once` has wrapped its listener.
    if (isTracked(listener.listener ?? listener)) return
    if (isPromise(result)) return follow(result, tracker.begin(() => what(event, values)))
    if (result === undefined && doubts) hear(event)
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

  function hear(event: string): void {
    if (isCounting) return doubt(event, 1)
    const second = Math.floor(performance.now() / 1_000)
    const last = recent.findLast((each) => each.event === event)
    if (last?.second === second) last.count += 1
    else {
      forgetOld()
      recent.push({ second, event, count: 1 })
    }
  }

  function forgetOld(): void {
    const oldest = Math.floor((performance.now() - recentMs) / 1_000)
    while (recent[0] && recent[0].second < oldest) recent.shift()
  }

  function doubt(event: string, count: number): void {
    tracker.tally.unknown(`${event}: ${fix}`, count)
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function'
}
