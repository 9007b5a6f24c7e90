/**
 * Time as the engine sees it: monotonic, and replaceable in tests. Wall-clock jumps do not matter to a
 * deadline, so nothing in core reads `Date` except to stamp the report.
 */
export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number
  /**
   * Calls `callback` once after `delayMs`; returns the function that cancels it. The event loop goes on until then, unless
   * the timer is in the `background`.
   */
  setTimer(callback: () => void, delayMs: number, background?: boolean): () => void
}

/** Node clamps a longer delay to 1 ms (`TimeoutOverflowWarning`), which would fire a deadline at once. */
const longestTimerMs = 2 ** 31 - 1

/** The real clock: `performance.now()` and `setTimeout`. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(callback, delayMs, background = false) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), longestTimerMs))
    if (background) timer.unref()
    return () => clearTimeout(timer)
  },
}
