import { describeReason } from '../reason.ts'
import type { Report } from './report.ts'

/** What an operator should know of a stop that was not clean, in one line. */
export function describeStop(report: Report): string {
  const wrong = report.steps
    .filter((step) => step.outcome === 'forced' || step.outcome === 'failed')
    .map((step) => {
      const lost = step.inFlight.atForce === undefined ? '' : `, ${step.inFlight.atForce} in flight`
      return `${step.name} was ${step.outcome}${lost}${step.errors.length > 0 ? ` (${step.errors.join('; ')})` : ''}`
    })
  const unfinished = report.steps
    .filter((step) => (step.unfinished ?? 0) > 0)
    .map((step) => `${step.name} has ${step.unfinished} left to do`)
  const parts = [
    ...(wrong.length > 0 ? [`work may be lost: ${wrong.join('; ')}`] : []),
    ...(unfinished.length > 0 ? [unfinished.join('; ')] : []),
    ...(report.errors.length > 0 ? [`${report.errors.length} uncaught errors came meanwhile`] : []),
  ]
  return [`stopped on ${describeReason(report.reason)}`, ...parts].join('; ')
}
