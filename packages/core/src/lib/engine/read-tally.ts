import { describeError, describeValue } from '../describe-value.ts'
import { show } from '../errors.ts'
import type { Outcome } from '../report/report.ts'
import type { Resource } from '../resource.ts'
import { isThenable } from '../thenable.ts'
import { longestReason, mostReasons } from '../work/reason-limits.ts'
import type { Tally } from '../work/tally.ts'

/** What stands for a tally that could not be read. */
const untold = new WeakSet<Tally>()

const counts = ['done', 'failed', 'cut', 'refused', 'unknown'] as const

/** What a resource's `tally()` says, or nothing where it has none. One that cannot be read says that nobody can tell. */
export function readTally(resource: Resource): Tally | undefined {
  if (!resource.tally) return undefined
  try {
    const tally: Partial<Tally> = resource.tally()
    // What it rejects with would become an uncaught error.
    if (isThenable(tally)) Promise.resolve(tally).catch(() => {})
    const wrong = counts.find((count) => !isCount(tally[count]))
    return wrong === undefined ? tidy(tally as Tally) : unreadable(`tally: ${wrong} must be a number of units; it is ${show(tally[wrong])}`)
  } catch (error) {
    return unreadable(`tally: ${describeError(error)}`)
  }
}

function unreadable(why: string): Tally {
  const tally: Tally = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 1, reasons: [why] }
  untold.add(tally)
  return tally
}

/**
 * The larger of each count, with the reasons of both.
 *
 * @param isTrusted nothing that the work may have needed has closed unseen, so that fewer of it may be unknown now
 */
export function mergeLate(before: Tally, late: Tally, isTrusted: () => boolean): Tally {
  const larger = (count: (typeof counts)[number]): number => Math.max(before[count], late[count])
  const isSettled = late.unknown < before.unknown && !untold.has(before) && unitsOf(late) >= unitsOf(before) && isTrusted()
  const unknown = isSettled ? late.unknown : larger('unknown')
  // What was unknown when the step ended, and was done since, stays unknown: what it needed has closed meanwhile.
  const done = Math.max(before.done, late.done - (unknown - late.unknown))
  const told = new Set(late.reasons.map(withoutTimes))
  const earlier = isSettled ? [] : before.reasons.filter((reason) => !told.has(withoutTimes(reason)))
  return { done, failed: larger('failed'), cut: larger('cut'), refused: larger('refused'), unknown, reasons: [...late.reasons, ...earlier].slice(0, mostReasons) }
}

/** All that was begun. Where it has become less, the tally has lost some of it, or cannot be read. */
function unitsOf({ done, failed, cut, unknown }: Tally): number {
  return done + failed + cut + unknown
}

function withoutTimes(reason: string): string {
  return reason.replace(/ \(×\d+\)$/, '')
}

/** What the work makes of a step that has gone well otherwise: the worst that is known of it decides. */
export function outcomeOfWork({ cut, failed, unknown }: Tally): Outcome {
  if (cut > 0) return 'forced'
  if (failed > 0) return 'failed'
  return unknown > 0 ? 'unknown' : 'drained'
}

/** `16 of 20 failed while it stopped (SELECT: timeout ×16)` */
export function describeFailures({ done, failed, cut, reasons }: Tally): string {
  return `${failed} of ${done + failed + cut} failed while it stopped${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`
}

/** Only what a Tally has, so that the report stays plain data. */
function tidy({ done, failed, cut, refused, unknown, reasons }: Tally): Tally {
  return { done, failed, cut, refused, unknown, reasons: Array.isArray(reasons) ? reasons.slice(0, mostReasons).map((each) => describeValue(each).slice(0, longestReason)) : [] }
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
