import type { Clock } from '../clock.ts'

/** A deadline that was announced before there was a stop. */
export interface Notice {
  /** Monotonic ms. */
  readonly deadline: number
  readonly why: string
}

export interface Notices {
  /** Whether it says anything that the others do not. */
  add(deadline: number, why: string): boolean
  /** The earliest of those that have not been withdrawn. */
  first(): Notice | undefined
}

/** A poller announces one end again and again, in a thousand slightly different ways; that many different ones nobody has. */
const mostKept = 100

/**
 * What was announced and has not come by a grace period later was withdrawn. Until then a notice stands for every later one whose own deadline
 * comes before that: a poller's notices are one.
 */
export function createNotices(clock: Clock, graceMs: number): Notices {
  /** The earliest first. */
  let kept: readonly Notice[] = []
  return {
    add(deadline, why) {
      if (live().some((each) => each.deadline <= deadline && deadline <= each.deadline + graceMs)) return false
      const others = kept.filter((each) => each.deadline < deadline || each.deadline > deadline + graceMs)
      kept = [...others, { deadline, why }].toSorted((a, b) => a.deadline - b.deadline).slice(0, mostKept)
      return true
    },
    first: () => live()[0],
  }

  function live(): readonly Notice[] {
    const now = clock.now()
    if (kept[0] && now > kept[0].deadline + graceMs) kept = kept.filter(({ deadline }) => now <= deadline + graceMs)
    return kept
  }
}
