import type { Cause } from '../cause.ts'
import type { ExitCodes } from '../policy.ts'
import type { Reason } from '../reason.ts'
import type { Phase } from '../resource.ts'
import type { Tally } from '../work/tally.ts'

/** Name of the lame duck's own step in plans and reports. No resource may take it. */
export const lameDuckStep = 'lame duck'

/** One step of the stop, before it happens. Times are ms after the stop begins. */
export interface PlanStep {
  readonly name: string
  /** `undefined` for the lame duck. */
  readonly phase: Phase | undefined
  readonly drainFrom: 'phase' | 'lame-duck-end' | 'phase-end' | 'signal'
  /** It waits for every step of this phase and of the phases before it; `undefined`: for no phase. */
  readonly afterPhase: Phase | undefined
  /** Names of the single steps that it waits for besides: what needs it, and the lame duck. */
  readonly after: readonly string[]
  /** Guaranteed to `drain` after scaling, in ms. */
  readonly reserveMs: number
  /** The step's own cap, in ms, if it has one. */
  readonly timeoutMs: number | undefined
  /** Bound of `force`, in ms. */
  readonly forceMs: number
  /** When it starts if every step before it uses its reserve and no more. */
  readonly startMs: number
  /** Latest start at which its reserve still fits. */
  readonly latestStartMs: number
  /** When it is over whatever happens, `force` included. */
  readonly latestFinishMs: number
}

/** The schedule, as plain data, in the order of the latest starts. */
export interface Plan {
  /** From the stop's beginning to the deadline, in ms: grace − preStop − margin. */
  readonly budgetMs: number
  /** Length of the longest chain of reserves (with the bounds of `force`), in ms, before scaling. */
  readonly criticalPathMs: number
  /** Names of the steps on that chain. */
  readonly criticalPath: readonly string[]
  /** 1 when the reserves fit; below 1, all reserves were multiplied by it. */
  readonly scale: number
  readonly steps: readonly PlanStep[]
  /** What is wrong with the plan or with a resource, each with the fix. */
  readonly warnings: readonly string[]
}

/**
 * How a step ended: nothing was in flight · everything in flight was finished · nobody can tell whether it was · cut, so
 * work may be lost · threw, or work failed in it · never ran (it had not been started).
 */
export type Outcome = 'idle' | 'drained' | 'unknown' | 'forced' | 'failed' | 'skipped'

/** A planned step, filled with what happened. */
export interface StepReport extends PlanStep {
  readonly outcome: Outcome
  /** ms after the stop began; `undefined` for a skipped step. */
  readonly startedMs: number | undefined
  readonly finishedMs: number | undefined
  /** When the step would have been cut, ms after the stop began. */
  readonly deadlineMs: number | undefined
  /** In flight when the stop began, when the step started, and when it was cut; where the resource can tell. */
  readonly inFlight: { readonly atStop: number | undefined; readonly atStart: number | undefined; readonly atForce: number | undefined }
  /** What was still going on when it was cut, or when its drain left it behind; one text each. */
  readonly waitingFor: readonly string[]
  /** What became of the work while the service stopped, where the resource can tell, also after the step was over. */
  readonly work: Tally | undefined
  /** Units of a finite job that are still to be done, where the resource has one; `Infinity` (`null` in JSON) where it could not tell. */
  readonly unfinished: number | undefined
  /** It started after its latest start, because the event loop was blocked. */
  readonly late: boolean
  readonly errors: readonly string[]
}

/** What happened, accounting for every resource exactly once. */
export interface Report {
  readonly version: 1
  readonly reason: Reason
  /** What made the platform end the service, where somebody has found out (`Lifecycle.attribute`). */
  readonly cause: Cause | undefined
  /**
   * `clean`: everything idle or drained, so nothing that was accepted was lost · `interrupted`: the same, but a finite job has work left ·
   * `unknown`: the same, but of some work nobody can tell, a client was used after it had closed, or something was under way of which no resource knew · `forced`: at least one step
   * was cut · `failed`: at least one threw, or work failed in it, or an uncaught error (or a failed start) began the stop or came
   * meanwhile, and nothing was cut.
   */
  readonly result: 'clean' | 'interrupted' | 'unknown' | 'forced' | 'failed'
  readonly exitCode: number
  /** Wall clock, ISO 8601. */
  readonly startedAt: string
  /** ms from the stop's beginning until its end. */
  readonly tookMs: number
  readonly budgetMs: number
  /** What the budget was taken from: `policy.graceMs − 5.0 s of preStop, measured`. */
  readonly budgetSource: string
  /** Where the stop began: before the service was ready there is no lame duck. */
  readonly from: 'starting' | 'ready'
  /** As planned when the stop began. */
  readonly criticalPathMs: number
  /** The lowest that reserves were multiplied by, also after the deadline was moved. */
  readonly scale: number
  readonly steps: readonly StepReport[]
  /** Uncaught errors that came while stopping, the first 20. The one that began the stop is its `reason`. */
  readonly errors: readonly string[]
  readonly warnings: readonly string[]
}

/** A larger number is worse; how a stop ended that an uncaught error began does not matter. */
export function severityOf({ reason, result }: Pick<Report, 'reason' | 'result'>): number {
  return reason.kind === 'fatal' ? 5 : ['clean', 'interrupted', 'unknown', 'failed', 'forced'].indexOf(result)
}

/** Whether something may be lost. */
export function wentWrong({ outcome }: Pick<StepReport, 'outcome'>): boolean {
  return outcome === 'forced' || outcome === 'failed'
}

const severity: Record<Outcome, number> = { forced: 0, failed: 1, unknown: 2, skipped: 3, drained: 4, idle: 5 }

/** The one of two that says more of what went wrong. */
export function worstOf(one: Outcome, other: Outcome): Outcome {
  return severity[other] < severity[one] ? other : one
}

/** The same steps, the ones that made the result first. */
export function worstFirst(steps: readonly StepReport[]): StepReport[] {
  const rank = ({ outcome, work }: StepReport): number => (work?.refused ? Math.min(severity.unknown, severity[outcome]) : severity[outcome])
  return steps.toSorted((a, b) => rank(a) - rank(b))
}

/** A job with work left never ends with 0, which would mark it as complete, whatever else is `unknown`. */
export function exitCodeOf(reason: Reason, result: Report['result'], steps: readonly StepReport[], codes: ExitCodes): number {
  if (reason.kind === 'fatal') return codes.fatal
  return result === 'unknown' && hasWorkLeft(steps) ? codes.unknown || codes.interrupted : codes[result]
}

function hasWorkLeft(steps: readonly StepReport[]): boolean {
  return steps.some((step) => (step.unfinished ?? 0) > 0)
}

/** The worst outcome decides. @param doubts what is known of work that has no step */
export function resultOf(reason: Reason, steps: readonly StepReport[], errors: readonly string[], doubts: readonly string[] = []): Report['result'] {
  if (steps.some((step) => step.outcome === 'forced')) return 'forced'
  // What an uncaught error has broken off is in no count, whether it came before the stop or in it.
  if (reason.kind === 'fatal' || errors.length > 0 || steps.some((step) => step.outcome === 'failed')) return 'failed'
  if (doubts.length > 0 || steps.some((step) => step.outcome === 'unknown' || (step.work?.refused ?? 0) > 0)) return 'unknown'
  return hasWorkLeft(steps) ? 'interrupted' : 'clean'
}
