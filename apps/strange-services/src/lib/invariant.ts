import type { Report, StepReport } from '@lameduck/core'
import type { Performance } from './performance.ts'

/** Exit codes that a report of this result may come with. A stop that an uncaught error began has 1. */
const exitCodes: Readonly<Record<Report['result'], readonly number[]>> = { clean: [0], interrupted: [143], unknown: [0], failed: [72], forced: [71] }

/**
 * The one invariant of all services: if the report says clean, nothing that was accepted was lost, and everything that was lost
 * is counted in it. Returns how it was broken, one sentence each.
 *
 * @param idsPerUnit how many ids one unit of a resource's work may carry
 */
export function breachesOf({ accounts: { lost }, report, ending, tookMs, graceMs }: Performance, idsPerUnit: number = 1): string[] {
  if (tookMs >= graceMs) return [`it was still there after its grace period of ${graceMs} ms, and was killed; ${lost.length} lost`]
  if (report === undefined) return [`it left without a report (exit ${ending.code ?? ending.signal}); ${lost.length} lost`]
  const breaches: string[] = []
  const counted = countedIn(report) * idsPerUnit
  const isClean = report.result === 'clean'
  if (lost.length > 0 && isClean) breaches.push(`the report says clean, and ${lost.length} were lost: ${some(lost)}`)
  if (lost.length > counted) breaches.push(`${lost.length} were lost, and the report counts ${counted}: ${some(lost)}`)
  if (isClean && report.reason.kind === 'fatal') breaches.push('the report says clean of a stop that an uncaught error began')
  const allowed = report.reason.kind === 'fatal' ? [1] : exitCodes[report.result]
  if (ending.code !== report.exitCode) breaches.push(`the exit code of the report is ${report.exitCode}, that of the process ${ending.code ?? ending.signal}`)
  if (!allowed.includes(report.exitCode)) breaches.push(`a report that says ${report.result} has the exit code ${report.exitCode}`)
  const bad = report.steps.filter(({ outcome }) => !['idle', 'drained', 'skipped'].includes(outcome))
  if (isClean && bad.length > 0) breaches.push(`the report says clean, and the step of ${bad.map(({ name, outcome }) => `${name} was ${outcome}`).join(', ')}`)
  if (isClean && countedIn(report) > 0) breaches.push(`the report says clean, and counts ${countedIn(report)} that did not go well`)
  return breaches
}

/** How many units the report says may be lost. */
export function countedIn({ steps, errors, reason }: Report): number {
  return steps.map(countedInStep).reduce((sum, count) => sum + count, 0) + errors.length + (reason.kind === 'fatal' ? 1 : 0)
}

/** A step may say it by its tally, by what was in flight when it was cut, or by an error for each. */
function countedInStep({ outcome, work, inFlight, errors }: StepReport): number {
  const told = work ? work.failed + work.cut + work.unknown + work.refused : 0
  const cut = outcome === 'forced' ? (inFlight.atForce ?? 0) : 0
  return Math.max(told, cut, errors.length)
}

function some(ids: readonly string[]): string {
  return ids.length > 8 ? `${ids.slice(0, 8).join(', ')} and ${ids.length - 8} more` : ids.join(', ')
}
