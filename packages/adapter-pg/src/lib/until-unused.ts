/** What emits the events after which it may be over. */
export interface EventSource {
  addListener<A extends unknown[]>(event: string, listener: (...values: A) => void): unknown
  removeListener<A extends unknown[]>(event: string, listener: (...values: A) => void): unknown
}

/** For what changes without an event: a failed connect, a caller whose wait timed out. */
const pollMs = 25

/**
 * Resolves when `isUnused` says so, and says so again one turn of the event loop later: code that awaits one query
 * after another lets go of its connection between them. Asks after each of the events. Rejects with the signal's
 * reason when that aborts.
 */
export function untilUnused(source: EventSource, events: readonly string[], isUnused: () => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let pending: NodeJS.Immediate | undefined
    const poll = setInterval(askSoon, pollMs)
    for (const event of events) source.addListener(event, askSoon)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    else askSoon()

    // Not at once: pg-pool emits `release` before it counts the client as idle.
    function askSoon(): void {
      pending ??= setImmediate(ask)
    }

    function ask(): void {
      pending = isUnused() ? setImmediate(askAgain) : undefined
    }

    function askAgain(): void {
      pending = undefined
      if (!isUnused()) return
      stop()
      resolve()
    }

    function abort(): void {
      stop()
      reject(signal.reason as Error)
    }

    function stop(): void {
      if (pending) clearImmediate(pending)
      clearInterval(poll)
      for (const event of events) source.removeListener(event, askSoon)
      signal.removeEventListener('abort', abort)
    }
  })
}
