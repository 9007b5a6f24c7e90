import { mostReasons } from './reason-limits.ts'

/** What has begun lately, and of which nobody will tell when it ends: how often, by why it is doubted. */
export interface RecentDoubts {
  add(why: string): void
  /** Those of the last 30 s. */
  take(): ReadonlyMap<string, number>
}

/** How long before a stop something may have begun that is doubted in it, in ms. */
const recentMs = 30_000

/** Counts by the second, so that its size does not grow with how much comes. @param now monotonic ms */
export function createRecentDoubts(now: () => number = () => performance.now()): RecentDoubts {
  const seconds: { readonly second: number; readonly counts: Map<string, number> }[] = []

  function forgetOld(): void {
    const oldest = Math.floor((now() - recentMs) / 1_000)
    while (seconds[0] && seconds[0].second < oldest) seconds.shift()
  }

  function countsOfNow(): Map<string, number> {
    const second = Math.floor(now() / 1_000)
    const last = seconds.at(-1)
    if (last?.second === second) return last.counts
    forgetOld()
    const counts = new Map<string, number>()
    seconds.push({ second, counts })
    return counts
  }

  return {
    add(why) {
      const counts = countsOfNow()
      const kind = counts.has(why) || counts.size < mostReasons ? why : 'others of the last 30 s'
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    },
    take() {
      forgetOld()
      const all = new Map<string, number>()
      for (const { counts } of seconds) for (const [why, units] of counts) all.set(why, (all.get(why) ?? 0) + units)
      return all
    },
  }
}
