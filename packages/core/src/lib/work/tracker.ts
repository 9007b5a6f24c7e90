import { closedError, cutError, type LifecycleError } from '../errors.ts'
import { isThenable } from '../thenable.ts'
import { callAndTell } from './begun-work.ts'
import { createTally, type Tallying } from './tally.ts'
import type { InHand } from './until-idle.ts'

/** Units of work that are under way: counted, named, awaited, refused after the close, and rejected by a cut. */
export interface Tracker extends InHand {
  readonly tally: Tallying
  /** One text each, oldest first: what it is and its age. */
  readonly waitingFor: () => readonly string[]
  readonly onEnd: (callback: () => void) => () => void
  /**
   * Counts `work` until it settles. Rejects with a LifecycleError `closed` after `close()`, and `cut` when it is cut. What returns no
   * promise may have begun something: it is `unknown`, as `Tallying.doubt` has it.
   */
  track<T>(what: () => string, work: () => PromiseLike<T> | T): Promise<T>
  /** For what is no promise: something is under way until `end` is called, with the error where it failed. `onCut` is called when it is cut. */
  readonly begin: (what: () => string, onCut?: (error: LifecycleError) => void) => (error?: unknown) => void
  /** Refuses whatever comes from now on. */
  readonly close: () => void
  /** Rejects whatever is under way, and refuses whatever comes from now on. */
  readonly cut: () => void
}

interface Unit {
  readonly what: () => string
  readonly since: number
  readonly onCut: (error: LifecycleError) => void
}

/** Why something is doubted that was called, and what to do. */
export const noPromise = 'returned no promise, so nobody knows when its work is over: return the promise of what it begins, not `void f()`; if it begins nothing, make it async'

const itReturned = `it ${noPromise}`

/**
 * @param name of the resource, for the errors
 * @param isAnswer tells the errors with which the other side has answered: what ends with one of them is done. @default none
 * @param onDoubt hears of what returned no promise. @default nobody
 */
export function createTracker(name: string, isAnswer: (error: unknown) => boolean = () => false, onDoubt: (what: string, why: string) => void = () => {}): Tracker {
  const tally = createTally()
  const units = new Set<Unit>()
  const listeners = new Set<() => void>()
  let closed = false

  function open(what: () => string, onCut: (error: LifecycleError) => void): (count: () => void) => void {
    const unit: Unit = { what, since: performance.now(), onCut }
    units.add(unit)
    return (count) => {
      if (!units.delete(unit)) return
      count()
      for (const listener of listeners) listener()
    }
  }

  function countEnd(what: () => string, failure: readonly unknown[]): void {
    if (failure.length === 0 || isAnswer(failure[0])) tally.done()
    else tally.failed(what(), failure[0])
  }

  function begin(what: () => string, onCut: (error: LifecycleError) => void = () => {}): (error?: unknown) => void {
    const close = open(what, onCut)
    return (...failure) => close(() => countEnd(what, failure))
  }

  function track<T>(what: () => string, work: () => PromiseLike<T> | T): Promise<T> {
    if (closed) {
      tally.refused(what())
      return Promise.reject(closedError(name, what()))
    }
    return new Promise((resolve, reject) => {
      const close = open(what, reject)
      let isDoubted = false
      // A synchronous throw becomes a rejection.
      const working = (async () => {
        const { returned, hasBegunWork } = callAndTell(work)
        isDoubted = !isThenable(returned) && !hasBegunWork
        return returned
      })()
      working.then(
        (value) => {
          close(() => (isDoubted ? doubt(what()) : tally.done()))
          resolve(value)
        },
        (error: unknown) => {
          close(() => countEnd(what, [error]))
          reject(error as Error)
        },
      )
    })
  }

  function doubt(what: string): void {
    tally.doubt(what, itReturned)
    onDoubt(what, itReturned)
  }

  return {
    tally,
    count: () => units.size,
    begunBefore: (at) => [...units].filter(({ since }) => since < at).length,
    waitingFor: () => [...units].map(({ what, since }) => `${what()} ${((performance.now() - since) / 1_000).toFixed(1)} s`),
    onEnd(callback) {
      listeners.add(callback)
      return () => void listeners.delete(callback)
    },
    begin,
    track,
    close: () => void (closed = true),
    cut() {
      closed = true
      tally.cut(units.size)
      const all = [...units]
      units.clear()
      for (const { what, onCut } of all) onCut(cutError(name, what()))
    },
  }
}
