import { describeError } from '../describe-value.ts'
import { oneLine } from '../foreign-text.ts'
import { noteCounted } from './counted-failures.ts'
import { longestReason, mostReasons } from './reason-limits.ts'
import { createRecentDoubts } from './recent-doubts.ts'

/** What became of the work of one resource while the service stopped, in units of the resource's own (requests, messages, queries). */
export interface Tally {
  /** Finished. What the other side refused with an answer of its own (a duplicate key, a wrong type) is finished, too. */
  readonly done: number
  /** Ended without an answer (a time-out, a lost connection), or with an error of the work itself. */
  readonly failed: number
  /** Ended by `force`, or given up. */
  readonly cut: number
  /** Asked for after the resource had closed. Nothing of it was done, and nobody can tell whether it was needed. */
  readonly refused: number
  /** Begun, and nobody can tell whether it has ended. */
  readonly unknown: number
  /** Why the first of them failed, were refused or are unknown: one short text for each kind, at most 5. */
  readonly reasons: readonly string[]
}

/** Counts what becomes of work. Before `begin()` it counts nothing: what was over before the stop belongs to no report. */
export interface Tallying {
  /** From now on it counts; for `quiesce`. Later calls change nothing. */
  readonly begin: () => void
  readonly done: (units?: number) => void
  /** @param what the kind of work, such as `INCR` or `send to orders` */
  readonly failed: (what: string, error: unknown) => void
  readonly cut: (units?: number) => void
  readonly refused: (what: string) => void
  readonly unknown: (why: string, units?: number) => void
  /** Something has begun, and nobody will tell when it ends: `unknown`, also of a stop that begins in the next 30 s. */
  readonly doubt: (what: string, why: string) => void
  /** For `Resource.tally`. */
  readonly read: () => Tally
}

/** Without how often it came. */
const longestText = longestReason - 20

export function createTally(): Tallying {
  const counts = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0 }
  const reasons = new Map<string, number>()
  const recent = createRecentDoubts()
  let counting = false

  function add(count: keyof typeof counts, units: number, reason?: string): void {
    if (!counting) return
    counts[count] += units
    if (reason === undefined) return
    const text = oneLine(reason.length > longestText ? `${reason.slice(0, longestText)}…` : reason)
    if (reasons.has(text) || reasons.size < mostReasons) reasons.set(text, (reasons.get(text) ?? 0) + units)
  }

  function begin(): void {
    if (counting) return
    counting = true
    for (const [why, units] of recent.take()) add('unknown', units, why)
  }

  function failed(what: string, error: unknown): void {
    add('failed', 1, `${what}: ${describeError(error)}`)
    if (counting) noteCounted(error, read)
  }

  function read(): Tally {
    return { ...counts, reasons: [...reasons].map(([text, units]) => (units > 1 ? `${text} (×${units})` : text)) }
  }

  return {
    begin,
    done: (units = 1) => add('done', units),
    failed,
    cut: (units = 1) => add('cut', units),
    refused: (what) => add('refused', 1, `${what}: refused`),
    unknown: (why, units = 1) => add('unknown', units, why),
    doubt: (what, why) => (counting ? add('unknown', 1, `${what}: ${why}`) : recent.add(what, why)),
    read,
  }
}

/** What several that count have counted together, for a resource of several parts. */
export function sumTallies(tallies: readonly Tally[]): Tally {
  const sum = (count: Exclude<keyof Tally, 'reasons'>): number => tallies.reduce((total, tally) => total + tally[count], 0)
  const reasons = tallies.flatMap((tally) => tally.reasons)
  return { done: sum('done'), failed: sum('failed'), cut: sum('cut'), refused: sum('refused'), unknown: sum('unknown'), reasons }
}
