import { describeReason } from '../reason.ts'
import { renderReport } from '../report/render-report.ts'
import { lameDuckStep, type Report, type StepReport } from '../report/report.ts'
import { phases } from '../resource.ts'

/** A step that ran. */
interface PlacedStep extends StepReport {
  readonly startedMs: number
  readonly finishedMs: number
}

/** Two times on a fake clock are the same but for the rounding of fractions. */
const roundingMs = 1e-6

/**
 * Throws unless every step of a group was over before any step of the next group began; inside a group the order is
 * free. Steps that are not named may be anywhere; `'lame duck'` is the lame duck's own. A step that was skipped has no
 * time, and so no place.
 *
 * A step that began in the very moment in which another was over, as all of them do that take no time, must also have
 * waited for it, by its phase, its `needs` or over others: two that ran side by side are in no order, however they are listed.
 *
 * @throws Error with what is wrong and the stop as a picture; also for a name that the report does not have.
 */
export function assertStopOrder(report: Report, groups: readonly (readonly string[])[]): void {
  const steps = groups.map((group) => group.map((name) => find(report, name)))
  for (const [index, group] of steps.entries()) {
    for (const later of group) {
      for (const earlier of steps.slice(0, index).flat()) {
        const wrong = wrongBetween(report, earlier, later)
        if (wrong) fail(report, `"${later.name}" began at ${rounded(later.startedMs)} ms, ${wrong}`)
      }
    }
  }
}

/**
 * Throws unless everything ended as it should: the result is `clean`, no step was skipped or began late, none has an error or was used after its close, and
 * it was no uncaught error or failed start that began the stop.
 *
 * @param options.skipped the steps that must have been skipped, in a test of a stop that comes during the start; no other
 *   may. @default []
 * @throws Error with everything that is not in order and the stop as a picture.
 */
export function assertClean(report: Report, { skipped = [] }: { readonly skipped?: readonly string[] } = {}): void {
  for (const name of skipped) requireStep(report, name)
  const steps = report.steps.flatMap((step) => wrongWith(step, skipped.includes(step.name)))
  const wrong = [...(report.reason.kind === 'fatal' ? [`it began with ${describeReason(report.reason)}`] : []), ...steps, ...report.errors]
  if (wrong.length > 0) fail(report, wrong.join('; '))
  if (report.result !== 'clean') fail(report, `the result is "${report.result}"`)
}

function wrongBetween(report: Report, earlier: PlacedStep, later: PlacedStep): string | undefined {
  if (earlier.finishedMs < later.startedMs) return undefined
  if (earlier.finishedMs > later.startedMs) return `before "${earlier.name}" was over at ${rounded(earlier.finishedMs)} ms`
  if (!waitsFor(report, later, earlier.name)) return `when "${earlier.name}" was just over, but does not wait for it`
  // The lame duck is ended before anything is cut.
  if (earlier.name !== lameDuckStep && beganToBeCut(later)) return `only to be cut at once, as all that is left is, whether "${earlier.name}" is over or not`
  return undefined
}

function waitsFor(report: Report, step: StepReport, name: string): boolean {
  const before = new Set(report.steps.filter((other) => waitsDirectly(step, other)))
  for (const each of before) {
    if (each.name === name) return true
    for (const other of report.steps) if (waitsDirectly(each, other)) before.add(other)
  }
  return false
}

function waitsDirectly({ after, afterPhase }: StepReport, { name, phase }: StepReport): boolean {
  return after.includes(name) || (afterPhase !== undefined && phase !== undefined && phases.indexOf(phase) <= phases.indexOf(afterPhase))
}

/** `force()` and the deadline begin what is left and cut it in the same tick, in whatever order. */
function beganToBeCut({ outcome, startedMs, finishedMs, deadlineMs = Infinity }: PlacedStep): boolean {
  return outcome === 'forced' && (finishedMs < deadlineMs - roundingMs || startedMs >= deadlineMs - roundingMs)
}

function wrongWith(step: StepReport, mustBeSkipped: boolean): string[] {
  const { name, outcome, late, work, errors } = step
  const isSkipped = outcome === 'skipped'
  const isDoubtful = outcome === 'unknown' || (work?.refused ?? 0) > 0
  if (!late && errors.length === 0 && isSkipped === mustBeSkipped && !isDoubtful && outcome !== 'forced' && outcome !== 'failed') return []
  return [`"${name}" was ${[outcome, ...(mustBeSkipped && !isSkipped ? ['not skipped'] : []), ...(late ? ['late'] : []), ...(isDoubtful ? (work?.reasons ?? []) : []), ...errors].join(', ')}`]
}

function rounded(ms: number): number {
  return Number(ms.toFixed(3))
}

function find(report: Report, name: string): PlacedStep {
  const step = requireStep(report, name)
  const { startedMs, finishedMs } = step
  if (startedMs === undefined || finishedMs === undefined) return fail(report, `"${name}" was ${step.outcome}, so it has no place in the order`)
  return { ...step, startedMs, finishedMs }
}

function requireStep(report: Report, name: string): StepReport {
  return report.steps.find((step) => step.name === name) ?? fail(report, `there is no step "${name}"`)
}

function fail(report: Report, message: string): never {
  throw new Error(`${message}\n\n${renderReport(report)}\n`)
}
