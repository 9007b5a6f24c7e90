/** What a resource has in hand, for the one rule by which a drain waits. */
export interface InHand {
  /** Units that are in flight now. */
  readonly count: () => number
  /** How many of them began before `at` (monotonic ms, `performance.now()`). */
  readonly begunBefore: (at: number) => number
  /** Calls back whenever something has ended; returns the function that ends it. Without it, and for what it leaves out, it is asked every 16 ms at the latest. */
  readonly onEnd?: (callback: () => void) => () => void
  /** One text each, oldest first: who waits for it can say for what. @default only how many */
  waitingFor?(): readonly string[]
}

/** How long work is still served that came after the drain had begun, once all from before it is done; in ms. */
export const lateWorkMs = 2_000

const longestPauseMs = 16

/**
 * The one rule by which a drain waits, for whatever has no peer that says "that was all". Resolves
 *
 * - when nothing is in flight, and still nothing one turn of the event loop later: code that awaits one call after another lets go
 *   between them;
 * - or 2 s after all that was in flight at the drain's beginning has ended. What came later is a loop that nobody stops, and a
 *   stop that waits for it would wait for its whole deadline with nothing in hand.
 *
 * Rejects with the signal's reason when that aborts, and with what `count` or `begunBefore` throws. What is in flight when it resolves is the caller's to refuse or to cut.
 */
export function untilIdle({ count, begunBefore, onEnd }: InHand, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const begunAt = performance.now()
    let lateSince: number | undefined
    let pauseMs = 1
    let timer: NodeJS.Timeout | undefined
    let turn: NodeJS.Immediate | undefined
    const unsubscribe = onEnd?.(lookSoon)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    else lookSoon()

    // Not at once: some pools tell of an end before they count it.
    function lookSoon(): void {
      turn ??= setImmediate(safely, look)
    }

    /** In a turn of its own nobody else would catch what they throw. */
    function safely(action: () => void): void {
      try {
        action()
      } catch (error) {
        end(() => reject(error as Error))
      }
    }

    function look(): void {
      turn = undefined
      if (count() === 0) {
        turn = setImmediate(safely, lookAgain)
        return
      }
      if (begunBefore(begunAt) === 0) lateSince ??= performance.now()
      if (lateSince !== undefined && performance.now() - lateSince >= lateWorkMs) return end(resolve)
      clearTimeout(timer)
      timer = setTimeout(lookSoon, pauseMs)
      pauseMs = Math.min(pauseMs * 2, longestPauseMs)
    }

    function lookAgain(): void {
      if (count() === 0) return end(resolve)
      look()
    }

    function abort(): void {
      end(() => reject(signal.reason as Error))
    }

    function end(settle: () => void): void {
      clearTimeout(timer)
      if (turn) clearImmediate(turn)
      unsubscribe?.()
      signal.removeEventListener('abort', abort)
      settle()
    }
  })
}

/**
 * A drain by that rule as a whole: serves until it is idle, calls `close`, and waits for what is in hand by then, of a loop that
 * nobody stops. Rejects with the signal's reason when that aborts, and with what `close` throws.
 */
export async function closeWhenIdle(inHand: InHand, close: () => void, signal: AbortSignal): Promise<void> {
  await untilIdle(inHand, signal)
  close()
  await untilIdle(inHand, signal)
}
