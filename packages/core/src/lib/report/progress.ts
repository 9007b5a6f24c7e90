import type { LifecycleEvent } from '../events.ts'
import { fitJson } from './fit-json.ts'
import { describeReason } from '../reason.ts'
import { worstFirst, type Plan, type Report, type StepReport } from './report.ts'

/** What a stop is doing, put together from its events, so that it can be told at any moment. */
export interface Progress {
  on(event: LifecycleEvent): void
  readonly isStopping: boolean
  /** When the stop is over. */
  readonly report: Report | undefined
  /** Names of the steps that run now; without a stop there are none. */
  running(): readonly string[]
  /**
   * One line of valid JSON of at most `maxBytes` bytes, or nothing before a stop. First what became of the stop, then what
   * runs now, then the steps: the ones that went wrong before the others.
   */
  text(maxBytes: number): string | undefined
}

/** @param now monotonic ms */
export function createProgress(now: () => number): Progress {
  const running = new Set<string>()
  const finished: StepReport[] = []
  let begun: { readonly reason: string; readonly plan: Plan; readonly at: number } | undefined
  let budgetMs = 0
  let report: Report | undefined

  return {
    on(event) {
      if (event.type === 'stop-begun') {
        begun = { reason: describeReason(event.reason), plan: event.plan, at: now() }
        budgetMs = event.plan.budgetMs
      }
      if (event.type === 'deadline-shrunk' && begun) budgetMs = now() - begun.at + event.leftMs
      if (event.type === 'step-started') running.add(event.name)
      if (event.type === 'step-finished') {
        running.delete(event.step.name)
        finished.push(event.step)
      }
      if (event.type === 'stopped') report = event.report
    },
    get isStopping() {
      return begun !== undefined
    },
    get report() {
      return report
    },
    running: () => [...running],
    text(maxBytes) {
      if (!begun) return undefined
      // The report knows what came after a step was over.
      const steps = worstFirst(report?.steps ?? finished)
      return fitJson(report ? endOf(report) : soFar(begun), 'steps', steps.map(shortStep), maxBytes)
    },
  }

  function soFar({ reason, plan, at }: NonNullable<typeof begun>): object {
    const over = new Set(finished.map((step) => step.name))
    const waiting = plan.steps.map((step) => step.name).filter((name) => !running.has(name) && !over.has(name))
    return {
      lameduck: 'stopping',
      reason,
      // A long list is no more use than its beginning.
      running: [...running].slice(0, 10),
      waiting: waiting.length > 10 ? waiting.length : waiting,
      elapsedMs: Math.round(now() - at),
      budgetMs: Math.round(budgetMs),
    }
  }
}

function endOf(report: Report): object {
  const { result, exitCode, cause, errors, budgetSource, from } = report
  return {
    lameduck: 'stopped',
    result,
    exitCode,
    reason: describeReason(report.reason),
    cause,
    tookMs: Math.round(report.tookMs),
    budgetMs: Math.round(report.budgetMs),
    budgetSource,
    from,
    ...(errors.length > 0 ? { errors: errors.slice(0, 2) } : {}),
  }
}

function shortStep({ name, outcome, startedMs, finishedMs, inFlight, work, unfinished, waitingFor, errors, late }: StepReport): object {
  const tookMs = startedMs === undefined || finishedMs === undefined ? undefined : Math.round(finishedMs - startedMs)
  if ((outcome === 'idle' || (outcome === 'drained' && errors.length === 0)) && !work?.refused) return { name, outcome, tookMs, unfinished }
  return { name, outcome, tookMs, inFlight: inFlight.atForce, work, unfinished, late: late || undefined, waitingFor: waitingFor.slice(0, 3), errors: errors.slice(0, 3) }
}
