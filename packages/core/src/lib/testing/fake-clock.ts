import type { Clock } from '../clock.ts'
import { requireMs } from '../errors.ts'

/**
 * A clock that moves only when it is told to. What is no number of milliseconds is refused at once with a LifecycleError
 * `invalid-option`; only a delay may be negative, which is due at once, or `Infinity`, which never is.
 */
export interface FakeClock extends Clock {
  /**
   * Moves on by `ms`, firing the timers on the way in order, and lets promises settle after each of them. Real I/O
   * takes real time and is not waited for. A call during another begins when that one has ended.
   */
  advance(ms: number): Promise<void>
  /**
   * Moves on by `ms` while no timer can fire, as when a loop blocks the process. What became due meanwhile fires in the
   * `advance` that is going on, or in the next.
   */
  block(ms: number): void
  /** How many timers would keep a process alive, so without those in the background: 0 at the end of a test shows that none was forgotten. */
  readonly armed: number
}

interface Timer {
  readonly at: number
  readonly callback: () => void
  readonly background: boolean
}

/**
 * Makes a clock for {@link createLifecycle}, `bindProcess` and everything else that takes a {@link Clock}: 30 s of a
 * shutdown pass in less than a millisecond of real time.
 *
 * @param startMs what `now()` says first. @default 0
 * @throws LifecycleError `invalid-option` when `startMs` is no number of milliseconds.
 */
export function createFakeClock(startMs: number = 0): FakeClock {
  let now = requireMs(startMs, 'createFakeClock(startMs)')
  let advanced = Promise.resolve()
  const timers = new Set<Timer>()
  return {
    now: () => now,
    setTimer(callback, delayMs, background = false) {
      const isOdd = delayMs < 0 || delayMs === Infinity
      const timer = { at: now + (isOdd ? Math.max(0, delayMs) : requireMs(delayMs, 'setTimer(delayMs)')), callback, background }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    advance(ms) {
      requireMs(ms, 'advance(ms)')
      const advancing = advanced.then(() => move(ms))
      // What a timer threw is for its own caller and not for the next.
      advanced = advancing.catch(() => {})
      return advancing
    },
    block(ms) {
      now += requireMs(ms, 'block(ms)')
    },
    get armed() {
      return [...timers].filter((timer) => !timer.background).length
    },
  }

  async function move(ms: number): Promise<void> {
    const end = now + ms
    await settle()
    // A timer that blocks makes others due beyond the end; they fire too, as they would in a process.
    for (let due = earliest(); due && due.at <= Math.max(end, now); due = earliest()) {
      timers.delete(due)
      now = Math.max(now, due.at)
      due.callback()
      await settle()
    }
    now = Math.max(end, now)
  }

  /** Of those that are due at the same time, the one that was armed first. */
  function earliest(): Timer | undefined {
    let first: Timer | undefined
    for (const timer of timers) {
      if (!first || timer.at < first.at) first = timer
    }
    return first
  }
}

/** Two turns of the real event loop: every chain of promises has run to its next wait, and what the streams of Node defer has happened. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
