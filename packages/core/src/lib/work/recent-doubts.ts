import { mostReasons } from './reason-limits.ts'

/** What has begun lately, and of which nobody will tell when it ends: how often, by what it is and why it is doubted. */
export interface RecentDoubts {
  /** @param what has begun; few names come often, and of many others one is as good as the other */
  add(what: string, why: string): void
  /** Those of the last 30 s. */
  take(): ReadonlyMap<string, number>
}

/** By what has begun: it is called for each message, so its text is not put together here. */
type Counts = Map<string, { readonly why: string; units: number }>

/** How long before a stop something may have begun that is doubted in it, in ms: of what needs no end, nobody would ever tell it. */
export const recentMs = 30_000

/** Counts by the second, so that its size does not grow with how much comes. @param now monotonic ms */
export function createRecentDoubts(now: () => number = () => performance.now()): RecentDoubts {
  const seconds: { readonly second: number; readonly counts: Counts }[] = []

  function forgetOld(): void {
    const oldest = Math.floor((now() - recentMs) / 1_000)
    while (seconds[0] && seconds[0].second < oldest) seconds.shift()
  }

  function countsOfNow(): Counts {
    const second = Math.floor(now() / 1_000)
    const last = seconds.at(-1)
    if (last?.second === second) return last.counts
    forgetOld()
    const counts: Counts = new Map()
    seconds.push({ second, counts })
    return counts
  }

  return {
    add(what, why) {
      const counts = countsOfNow()
      const kind = counts.has(what) || counts.size < mostReasons ? what : 'others'
      const count = counts.get(kind)
      if (count) count.units += 1
      else counts.set(kind, { why, units: 1 })
    },
    take() {
      forgetOld()
      const all = new Map<string, number>()
      for (const { counts } of seconds) {
        for (const [what, { why, units }] of counts) all.set(`${what}: ${why}`, (all.get(`${what}: ${why}`) ?? 0) + units)
      }
      return all
    },
  }
}
