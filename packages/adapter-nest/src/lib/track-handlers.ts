import { closedError, createTracker, type InHand, type Tallying } from '@lameduck/core'
import { defer, finalize, isObservable, tap, throwError, type Observable } from 'rxjs'

/** What a handler of Nest is to whoever calls it. */
export type Handler = (...parameters: unknown[]) => unknown

/** The handlers that run in one part of an application, and the replies that are on their way. */
export interface Handlers extends InHand {
  readonly tally: Pick<Tallying, 'refused' | 'read'>
  /** From now on it is told what becomes of each, and a reply that fails is counted and no longer an error of its sender. */
  begin(): void
  readonly waitingFor: () => readonly string[]
  /**
   * A handler that does the same and is counted until its promise has settled and its Observable has ended.
   *
   * @param what names it in reports
   * @param isAnswered whether somebody hears of its failure: an answer that says no is an answer
   * @param onBegin called with the parameters when it begins; what it returns is called when it has ended
   */
  track(handler: Handler, what: string, isAnswered: (parameters: readonly unknown[]) => boolean, onBegin?: (parameters: readonly unknown[]) => (() => void) | undefined): Handler
  /** Counts a reply until it has left. One that fails was not delivered. */
  reply<T>(reply: () => PromiseLike<T> | T): Promise<T | undefined>
  /** How many replies have left so far. */
  sent(): number
  /** From now on handlers refuse. */
  close(): void
  /** Gives up whatever is under way. */
  cut(): void
}

const longestName = 100

/** @param name of the resource, for the errors */
export function trackHandlers(name: string): Handlers {
  const tracker = createTracker(name)
  const listeners = new Set<() => void>()
  let replies = 0
  let sent = 0
  let stopping = false
  let closed = false

  function track(handler: Handler, fullName: string, isAnswered: (parameters: readonly unknown[]) => boolean, onBegin?: (parameters: readonly unknown[]) => (() => void) | undefined): Handler {
    const what = fullName.length > longestName ? `${fullName.slice(0, longestName)}…` : fullName
    // A Proxy, for Nest keeps things on its handlers, also later on.
    return new Proxy(handler, {
      async apply(target, self, parameters: unknown[]) {
        if (closed) return refuse(what)
        const finish = tracker.begin(() => what)
        const leave = onBegin?.(parameters)
        const keepsFailure = !isAnswered(parameters)
        const end = (...failure: [error?: unknown]): void => {
          leave?.()
          finish(...(keepsFailure ? failure.map((error) => asError(error)) : []))
        }
        try {
          const result: unknown = await Reflect.apply(target, self, parameters)
          if (isObservable(result)) return trackStream(result, end)
          end()
          return result
        } catch (error) {
          end(error)
          throw error
        }
      },
    })
  }

  function refuse(what: string): unknown {
    tracker.tally.refused(what)
    return throwError(() => closedError(name, what))
  }

  async function reply<T>(send: () => PromiseLike<T> | T): Promise<T | undefined> {
    replies += 1
    try {
      const result = await send()
      sent += 1
      return result
    } catch (error) {
      tracker.tally.failed('a reply', error)
      // Nest 11 awaits it where nobody catches what it throws.
      if (stopping) return undefined
      throw error
    } finally {
      replies -= 1
      for (const listener of listeners) listener()
    }
  }

  return {
    tally: tracker.tally,
    begin() {
      stopping = true
      tracker.tally.begin()
    },
    count: () => tracker.count() + replies,
    begunBefore: (at) => tracker.begunBefore(at) + replies,
    onEnd(callback) {
      listeners.add(callback)
      const unsubscribe = tracker.onEnd(callback)
      return () => {
        listeners.delete(callback)
        unsubscribe()
      }
    },
    waitingFor: () => [...tracker.waitingFor(), ...(replies > 0 ? [`replies on their way: ${replies}`] : [])],
    track,
    reply,
    sent: () => sent,
    close: () => void (closed = true),
    cut() {
      closed = true
      tracker.cut()
    },
  }
}

/** What Nest's filters make of an error is a plain object; the error itself is in Nest's log. */
function asError(error: unknown): unknown {
  const { message } = (error ?? {}) as { message?: unknown }
  return error instanceof Error || typeof message !== 'string' ? error : new Error(message)
}

/** Counted until it ends. Nest subscribes soon after it is given an Observable, or never, when the client has gone meanwhile. */
function trackStream(stream: Observable<unknown>, end: (...failure: [error?: unknown]) => void): Observable<unknown> {
  let subscribed = false
  let failure: [error?: unknown] = []
  setImmediate(() => {
    if (!subscribed) end()
  })
  return defer(() => {
    subscribed = true
    return stream.pipe(tap({ error: (error: unknown) => void (failure = [error]) }), finalize(() => end(...failure)))
  })
}
