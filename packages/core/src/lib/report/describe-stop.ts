import { describeReason } from '../reason.ts'
import { wentWrong, type Report, type StepReport } from './report.ts'

/** Steps that are told one by one, and the longest text of each, in characters: it is one line of a log. */
const mostSteps = 10
const longestText = 300

/** What an operator should know of a stop that was not clean, in one line. */
export function describeStop(report: Report): string {
  const wrong = report.steps.filter(wentWrong).map((step) => {
    const cut = step.work?.cut ? `, ${step.work.cut} cut` : ''
    const lost = step.inFlight.atForce === undefined ? cut : `, ${step.inFlight.atForce} in flight`
    return `${step.name} ${step.outcome === 'forced' ? 'was forced' : 'failed'}${lost}${step.errors.length > 0 ? ` (${step.errors.join('; ')})` : ''}`
  })
  const unfinished = report.steps
    .filter((step) => (step.unfinished ?? 0) > 0)
    .map((step) => `${step.name} has ${step.unfinished === Infinity ? 'work' : step.unfinished} left to do`)
  const crashed = report.reason.kind === 'fatal' && report.reason.origin !== 'start'
  const parts = [
    ...(crashed ? ['what this error broke off is in no count'] : []),
    ...(wrong.length > 0 ? [`work may be lost: ${list(wrong).join('; ')}`] : []),
    ...list(report.steps.filter(({ outcome, errors }) => outcome === 'unknown' && errors.length > 0).map(({ name, errors }) => `${name}: ${errors.join('; ')}`)),
    ...report.steps.flatMap(describeDoubt),
    ...list(unfinished),
    ...(report.errors.length > 0 ? [describeErrors(report.errors.length)] : []),
  ]
  // What makes it unknown without a step has been a warning of its own.
  const told = parts.length === 0 && report.result === 'unknown' ? ['it is not known whether all work was finished: see the warnings'] : parts
  return [`stopped on ${describeReason(report.reason)}`, ...told].join('; ')
}

/** What such an error has broken off is in no count. */
function describeErrors(errors: number): string {
  return `work may be lost: ${errors === 1 ? 'an uncaught error' : `${errors} uncaught errors`} came during the stop`
}

/** What is not known to be lost, and not known to be done. */
export function describeDoubt({ name, outcome, work }: StepReport): string[] {
  const { refused = 0, unknown = 0, reasons = [] } = work ?? {}
  const own = reasons.filter((reason) => ofRefused.test(reason))
  // What has failed is told with its reasons elsewhere.
  const others = outcome === 'unknown' ? reasons.filter((reason) => !ofRefused.test(reason)) : []
  return [
    ...(unknown > 0 ? [`${name}: it is not known whether ${unknown === 1 ? 'one piece of work was' : `${unknown} pieces of work were`} finished${bracketed(others)}`] : []),
    ...(refused > 0 ? [`${name} was used ${refused === 1 ? 'once after its close; it was' : `${refused} times after its close; all were`} refused${bracketed(own.map(callOf))}`] : []),
  ].map(shorten)
}

/** `SET: refused (×14)`, as a tally has it. */
const ofRefused = /: refused(?: \((×\d+)\))?$/

/** `SET ×14` */
function callOf(reason: string): string {
  return reason.replace(ofRefused, (_all, times?: string) => (times === undefined ? '' : ` ${times}`))
}

function bracketed(texts: readonly string[]): string {
  return texts.length > 0 ? ` (${texts.join('; ')})` : ''
}

function shorten(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text
}

function list(texts: readonly string[]): string[] {
  const told = texts.slice(0, mostSteps).map(shorten)
  return texts.length > mostSteps ? [...told, `and ${texts.length - mostSteps} more`] : told
}
