import type { Clock } from './clock.ts'

/** A clock that moves only when it is told to. */
export interface FakeClock extends Clock {
  /** Moves on by `ms`, firing the timers on the way in order, and lets promises settle after each of them. */
  advance(ms: number): Promise<void>
  /** How many timers are armed: 0 at the end of a test shows that none was forgotten. */
  readonly armed: number
}

/** @param startMs what `now()` says first. @default 0 */
export function createFakeClock(startMs: number = 0): FakeClock {
  let now = startMs
  let nextId = 0
  const timers = new Map<number, { readonly at: number; readonly callback: () => void }>()
  return {
    now: () => now,
    setTimer(callback, delayMs) {
      const id = nextId++
      timers.set(id, { at: now + Math.max(0, delayMs), callback })
      return () => timers.delete(id)
    },
    async advance(ms) {
      const end = now + ms
      await settle()
      for (let due = earliest(end); due; due = earliest(end)) {
        timers.delete(due.id)
        now = Math.max(now, due.at)
        due.callback()
        await settle()
      }
      now = end
    },
    get armed() {
      return timers.size
    },
  }

  function earliest(end: number): { id: number; at: number; callback: () => void } | undefined {
    let first: { id: number; at: number; callback: () => void } | undefined
    for (const [id, timer] of timers) {
      if (timer.at <= end && (!first || timer.at < first.at)) first = { id, ...timer }
    }
    return first
  }
}

/** Two turns of the real event loop: every promise chain of ordinary length has run to its next wait. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
