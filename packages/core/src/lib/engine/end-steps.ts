import { worstOf, type StepReport } from '../report/report.ts'
import type { Tally } from '../work/tally.ts'
import type { Entry } from './graph.ts'
import { doubtLate, endLate, mayHaveBroken } from './late-endings.ts'
import type { LateUses } from './late-uses.ts'
import { describeFailures, mergeLate, outcomeOfWork, readTally } from './read-tally.ts'

/** What went wrong beside the drains, by the resource's name. A step of these has failed, however its drain went. */
export interface Beside {
  /** A quiesce that threw leaves a resource that may have gone on taking work. */
  readonly quiesceErrors: ReadonlyMap<string, string>
  /** Why a resource had died before the stop. */
  readonly ended: ReadonlyMap<string, string>
  readonly lateUses: LateUses
  /** See `StopRun`. */
  readonly leftInFlight: ReadonlyMap<string, string>
}

/**
 * The steps as the report has them, when all of them are over: with what went wrong beside, and with what their work has come to since.
 *
 * @param warn says what turned out well by chance
 */
export function endSteps(steps: readonly StepReport[], entries: readonly Entry[], beside: Beside, warn: (message: string) => void): StepReport[] {
  const resources = new Map(entries.map(({ resource }) => [resource.name, resource]))
  return steps.map((step) => {
    const resource = resources.get(step.name)
    // Who counts for itself has counted it, perhaps as something else: what failed may reject as what was cut.
    const late = resource?.tally && step.work ? readTally(resource) : beside.lateUses.of(step.name)
    const leftInFlight = beside.leftInFlight.get(step.name)
    const isTrusted = (): boolean => !steps.some((other) => mayHaveBroken(other, step))
    const counted = late ? withLate(step, late, { isTrusted, hasLeftNothing: leftInFlight === undefined }) : step
    const { step: looked, warning } = endLate(counted, leftInFlight, resource, steps)
    const ended = doubtLate(looked, resource)
    if (warning !== undefined) warn(warning)
    const failures = failuresOf(step.name, beside)
    return failures.length === 0 ? ended : { ...ended, outcome: worstOf(ended.outcome, 'failed'), errors: [...failures, ...ended.errors] }
  })
}

function failuresOf(name: string, { quiesceErrors, ended }: Beside): string[] {
  const why = ended.get(name)
  return [quiesceErrors.get(name), why === undefined ? undefined : `it ended by itself before the stop: ${why}`].filter((text) => text !== undefined)
}

const nothing: Tally = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

interface LateLook {
  /** See `mergeLate`. */
  readonly isTrusted: () => boolean
  /** Its drain has left nothing in flight. */
  readonly hasLeftNothing: boolean
}

/**
 * What came of the work since its step was over. No count becomes less, whatever a tally says that cannot be read, but `unknown`: a handler
 * may have ended since. With the last of these the step is no longer in doubt, unless something else makes it so.
 */
function withLate(step: StepReport, late: Tally, { isTrusted, hasLeftNothing }: LateLook): StepReport {
  const before = step.work ?? nothing
  const work = mergeLate(before, late, isTrusted)
  const outcome = outcomeOfWork(work)
  const isNews = outcome !== 'drained' || work.done > before.done
  const told = describeFailures(before)
  const errors = work.failed > before.failed ? [...step.errors.filter((error) => error !== told), describeFailures(work)] : step.errors
  if (step.outcome === 'unknown' && before.unknown > 0 && work.unknown === 0 && hasLeftNothing) return { ...step, work, outcome, errors }
  return { ...step, work, outcome: isNews ? worstOf(step.outcome, outcome) : step.outcome, errors }
}
