import { renderReport } from '../report/render-report.ts'
import type { Report, StepReport } from '../report/report.ts'

/**
 * Throws unless every step of a group was over before any step of the next group began; inside a group the order is
 * free. Steps that are not named may be anywhere; `'lame duck'` is the lame duck's own. A step that was skipped has no
 * time, and so no place.
 *
 * @throws Error with what is wrong and the stop as a picture; also for a name that the report does not have.
 */
export function assertStopOrder(report: Report, groups: readonly (readonly string[])[]): void {
  const steps = groups.map((group) => group.map((name) => find(report, name)))
  for (const [index, group] of steps.entries()) {
    for (const earlier of group) {
      for (const later of steps.slice(index + 1).flat()) {
        if (earlier.finishedMs <= later.startedMs) continue
        fail(report, `"${later.name}" began at ${later.startedMs} ms, before "${earlier.name}" was over at ${earlier.finishedMs} ms`)
      }
    }
  }
}

/**
 * Throws unless everything ended as it should: the result is `clean`, no step began late, and none has an error.
 *
 * @throws Error with every step that is not in order and the stop as a picture.
 */
export function assertClean(report: Report): void {
  const wrong = report.steps
    .filter((step) => step.late || step.errors.length > 0 || step.outcome === 'forced' || step.outcome === 'failed')
    .map((step) => `"${step.name}" was ${[step.outcome, ...(step.late ? ['late'] : []), ...step.errors].join(', ')}`)
  if (wrong.length > 0) fail(report, wrong.join('; '))
  if (report.result !== 'clean') fail(report, `the result is "${report.result}"`)
}

function find(report: Report, name: string): StepReport & { readonly startedMs: number; readonly finishedMs: number } {
  const step = report.steps.find((each) => each.name === name)
  if (!step) return fail(report, `there is no step "${name}"`)
  const { startedMs, finishedMs } = step
  if (startedMs === undefined || finishedMs === undefined) return fail(report, `"${name}" was ${step.outcome}, so it has no place in the order`)
  return { ...step, startedMs, finishedMs }
}

function fail(report: Report, message: string): never {
  throw new Error(`${message}\n\n${renderReport(report)}\n`)
}
