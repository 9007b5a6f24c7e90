import { describeReason } from '../reason.ts'
import { wentWrong, type Report } from './report.ts'

/** Steps that are told one by one, and the longest text of each, in characters: it is one line of a log. */
const mostSteps = 10
const longestText = 300

/** What an operator should know of a stop that was not clean, in one line. */
export function describeStop(report: Report): string {
  const wrong = report.steps.filter(wentWrong).map((step) => {
    const lost = step.inFlight.atForce === undefined ? '' : `, ${step.inFlight.atForce} in flight`
    return `${step.name} ${step.outcome === 'forced' ? 'was forced' : 'failed'}${lost}${step.errors.length > 0 ? ` (${step.errors.join('; ')})` : ''}`
  })
  const unfinished = report.steps
    .filter((step) => (step.unfinished ?? 0) > 0)
    .map((step) => `${step.name} has ${step.unfinished === Infinity ? 'work' : step.unfinished} left to do`)
  const parts = [
    ...(wrong.length > 0 ? [`work may be lost: ${list(wrong)}`] : []),
    ...(unfinished.length > 0 ? [list(unfinished)] : []),
    ...(report.errors.length > 0 ? [`uncaught errors came meanwhile: ${report.errors.length}`] : []),
  ]
  return [`stopped on ${describeReason(report.reason)}`, ...parts].join('; ')
}

function list(texts: readonly string[]): string {
  const told = texts.slice(0, mostSteps).map((text) => (text.length > longestText ? `${text.slice(0, longestText)}…` : text))
  return [...told, ...(texts.length > mostSteps ? [`and ${texts.length - mostSteps} more`] : [])].join('; ')
}
