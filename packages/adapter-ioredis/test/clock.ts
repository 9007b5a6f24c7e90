import { onTestFinished, vi } from 'vitest'

export interface Clock {
  /** From now on it is so much later, in ms. */
  readonly goOn: (ms: number) => void
}

/** Lets time pass in this process without waiting for it, until the end of the test. Timers do not notice. */
export function createClock(): Clock {
  const now = performance.now.bind(performance)
  let aheadMs = 0
  const spy = vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs)
  onTestFinished(() => spy.mockRestore())
  return { goOn: (ms) => void (aheadMs += ms) }
}
