import type { Outcome, StepReport } from '../report/report.ts'
import type { Tally } from '../work/tally.ts'
import type { Entry } from './graph.ts'
import { readTally } from './read-tally.ts'

/** What went wrong beside the drains, by the resource's name. A step of these has failed, however its drain went. */
export interface Beside {
  /** A quiesce that threw leaves a resource that may have gone on taking work. */
  readonly quiesceErrors: ReadonlyMap<string, string>
  /** Why a resource had died before the stop. */
  readonly ended: ReadonlyMap<string, string>
}

/** The steps as the report has them, when all of them are over: with what went wrong beside, and with what their work has come to since. */
export function endSteps(steps: readonly StepReport[], entries: readonly Entry[], beside: Beside): StepReport[] {
  const resources = new Map(entries.map(({ resource }) => [resource.name, resource]))
  return steps.map((step) => {
    const failures = failuresOf(step.name, beside)
    const resource = step.work && resources.get(step.name)
    const late = resource && readTally(resource)
    if (failures.length === 0 && !late) return step
    const work = step.work && late && withLate(step.work, late)
    return { ...step, work, outcome: outcomeOf(step.outcome, work, failures), errors: [...failures, ...step.errors] }
  })
}

function failuresOf(name: string, { quiesceErrors, ended }: Beside): string[] {
  const why = ended.get(name)
  return [quiesceErrors.get(name), why === undefined ? undefined : `it ended by itself before the stop: ${why}`].filter((text) => text !== undefined)
}

/** Calls that came after the close, and what nobody can tell of by now: neither becomes less, whatever a tally says that cannot be read. */
function withLate(work: Tally, { refused, unknown, reasons }: Tally): Tally {
  return { ...work, refused: Math.max(work.refused, refused), unknown: Math.max(work.unknown, unknown), reasons }
}

function outcomeOf(outcome: Outcome, work: Tally | undefined, failures: readonly string[]): Outcome {
  if (outcome === 'forced') return outcome
  if (failures.length > 0) return 'failed'
  return work && work.unknown > 0 && (outcome === 'idle' || outcome === 'drained') ? 'unknown' : outcome
}
