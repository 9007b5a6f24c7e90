import type { StepReport } from '../report/report.ts'
import type { Resource } from '../resource.ts'
import { count } from './stop-step.ts'

/** A step whose drain left work behind, as the report has it, and what to say of it where the work has ended since. */
export interface LateEnding {
  readonly step: StepReport
  readonly warning: string | undefined
}

/**
 * Asks once more, when all steps are over, what a drain has left in flight: where it is nothing, the work has ended, and the step is drained.
 * Not where something has closed since then that counts no late calls: the work may have needed it, and have ended for that reason.
 *
 * @param leftInFlight the error of the step that says how much it was
 */
export function endLate(step: StepReport, leftInFlight: string | undefined, resource: Resource | undefined, all: readonly StepReport[]): LateEnding {
  const isInDoubt = leftInFlight !== undefined && step.outcome === 'unknown' && (step.work?.unknown ?? 0) === 0
  if (!isInDoubt || !resource || count(resource, 'inFlight', []) !== 0 || all.some((other) => mayHaveBroken(other, step))) return { step, warning: undefined }
  return {
    step: { ...step, outcome: 'drained', waitingFor: [], errors: step.errors.filter((error) => error !== leftInFlight) },
    warning: `${step.name}: ${leftInFlight}. The work ended before the stop did, and nothing that it used had refused it; let drain wait for the work, or a shorter stop loses it.`,
  }
}

/**
 * Work that came when the step was over, and is still in flight when the process ends: whatever took it had not closed.
 */
export function doubtLate(step: StepReport, resource: Resource | undefined): StepReport {
  const isWell = step.outcome === 'idle' || step.outcome === 'drained' || step.outcome === 'skipped'
  const left = resource && isWell ? (count(resource, 'inFlight', []) ?? 0) : 0
  if (left <= (step.work?.unknown ?? 0) + (step.work?.cut ?? 0)) return step
  const text = `${left === 1 ? '1 unit was' : `${left} units were`} in flight when the stop ended, and came when its step was over`
  return { ...step, outcome: 'unknown', errors: [...step.errors, text] }
}

/** Whether the other has closed since the step was over, and would not say what that broke: a client that has a tally counts the calls that come after its close, so that these are in the result. */
export function mayHaveBroken(other: StepReport, { name, finishedMs = 0 }: StepReport): boolean {
  return other.name !== name && other.work === undefined && other.startedMs !== undefined && other.startedMs >= finishedMs
}
