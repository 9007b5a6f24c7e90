import { describeValue } from './describe-value.ts'
import { LifecycleError } from './errors.ts'
import type { Reason } from './reason.ts'
import type { Phase } from './resource.ts'

/** Name of the lame duck's own step in plans and reports. No resource may take it. */
export const lameDuckStep = 'lame duck'

/** One step of the stop, before it happens. Times are ms after the stop begins. */
export interface PlanStep {
  readonly name: string
  /** `undefined` for the lame duck. */
  readonly phase: Phase | undefined
  readonly drainFrom: 'phase' | 'lame-duck-end' | 'signal'
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
 * How a step ended: nothing was in flight · everything in flight was finished · cut, so work may be lost ·
 * threw · never ran (it had not been started).
 */
export type Outcome = 'idle' | 'drained' | 'forced' | 'failed' | 'skipped'

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
  /** What was still going on when it was cut, one text each. */
  readonly waitingFor: readonly string[]
  /** It started after its latest start: the event loop was blocked, or the deadline was moved. */
  readonly late: boolean
  readonly errors: readonly string[]
}

/** What happened, accounting for every resource exactly once. */
export interface Report {
  readonly version: 1
  readonly reason: Reason
  /** `clean`: everything idle or drained · `forced`: at least one step was cut · `failed`: at least one threw, none was cut. */
  readonly result: 'clean' | 'forced' | 'failed'
  readonly exitCode: number
  /** Wall clock, ISO 8601. */
  readonly startedAt: string
  /** ms from the stop's beginning until its end. */
  readonly tookMs: number
  readonly budgetMs: number
  /** Where the stop began: before the service was ready there is no lame duck. */
  readonly from: 'starting' | 'ready'
  readonly criticalPathMs: number
  readonly scale: number
  readonly steps: readonly StepReport[]
  readonly warnings: readonly string[]
}

/** The worst outcome decides. */
export function resultOf(steps: readonly StepReport[]): Report['result'] {
  if (steps.some((step) => step.outcome === 'forced')) return 'forced'
  return steps.some((step) => step.outcome === 'failed') ? 'failed' : 'clean'
}

/** The report as one JSON line. Everything in it is plain data but the error of a fatal reason. */
export function reportLine(report: Report): string {
  const { reason } = report
  const plain = reason.kind === 'fatal' ? { ...reason, error: describeForJson(reason.error, 3) } : reason
  return JSON.stringify({ lameduck: 'report', ...report, reason: plain })
}

/**
 * Name, message, stack and causes, and no other property: clients hang requests with their secrets on errors. Where a
 * mistake of configuration was thrown tells nothing that its message does not, so its stack is left out.
 */
function describeForJson(error: unknown, depth: number): unknown {
  if (!(error instanceof Error)) return describeValue(error)
  const { name, message, stack, cause } = error
  const inner = error instanceof AggregateError ? (error.errors as unknown[]) : []
  return {
    name: describeValue(name),
    message: describeValue(message),
    ...(error instanceof LifecycleError ? { code: error.code } : { stack: String(stack) }),
    ...(cause !== undefined && depth > 0 ? { cause: describeForJson(cause, depth - 1) } : {}),
    ...(inner.length > 0 && depth > 0 ? { errors: inner.slice(0, 10).map((each) => describeForJson(each, depth - 1)) } : {}),
  }
}
