import type { StepReport } from '../report/report.ts'
import type { Entry } from './graph.ts'
import { readTally } from './read-tally.ts'

/** What went wrong beside the drains, by the resource's name. A step of these has failed, however its drain went. */
export interface Beside {
  /** A quiesce that threw leaves a resource that may have gone on taking work. */
  readonly quiesceErrors: ReadonlyMap<string, string>
  /** Why a resource had died before the stop. */
  readonly ended: ReadonlyMap<string, string>
}

/** The steps as the report has them, when all of them are over: with what went wrong beside, and with the calls that came after a close. */
export function endSteps(steps: readonly StepReport[], entries: readonly Entry[], { quiesceErrors, ended }: Beside): StepReport[] {
  const resources = new Map(entries.map(({ resource }) => [resource.name, resource]))
  return steps.map((step) => {
    const why = ended.get(step.name)
    const failure = quiesceErrors.get(step.name) ?? (why === undefined ? undefined : `it ended by itself before the stop: ${why}`)
    const resource = step.work && resources.get(step.name)
    const late = resource && readTally(resource)
    if (failure === undefined && !late) return step
    return {
      ...step,
      ...(step.work && late ? { work: { ...step.work, refused: late.refused, reasons: late.reasons } } : {}),
      ...(failure === undefined ? {} : { outcome: step.outcome === 'forced' ? 'forced' : 'failed', errors: [failure, ...step.errors] }),
    }
  })
}
