import type { Budget } from './budget.ts'
import type { Cause } from '../cause.ts'
import type { Chosen } from './chosen.ts'
import type { Clock } from '../clock.ts'
import { askDoubters, type Doubter } from './doubters.ts'
import type { Events } from '../events.ts'
import type { FollowedSignal } from './followed-signal.ts'
import { buildGraph, hasServers, type Entry } from './graph.ts'
import { makePlan, scaleWarnings } from './plan.ts'
import { warningsToTell } from './own-reserves.ts'
import type { Policy } from '../policy.ts'
import { describeValue } from '../describe-value.ts'
import { describeReason, type Reason } from '../reason.ts'
import { exitCodeOf, resultOf, type Plan, type Report, type StepReport } from '../report/report.ts'
import { quiesceAll } from './quiesce.ts'
import { endSteps } from './end-steps.ts'
import { createLateUses } from './late-uses.ts'
import { runStop, type StopRun } from './run-stop.ts'
import { makeSchedule, type Schedule } from './schedule.ts'
import type { State } from '../state.ts'
import { takeCounted } from '../work/counted-failures.ts'

/** Texts of errors that a report keeps; a client that is cut off can throw thousands. */
const mostErrors = 20

/** Other reasons to stop that are told: a listener may answer each of them with the next. */
const mostRepeats = 100

/** One stop, from its first tick to its report. */
export interface Stop {
  readonly report: Promise<Report>
  /** The first tick: nothing in it is awaited. */
  begin(): void
  /** Monotonic ms. */
  readonly deadline: number
  moveDeadline(deadline: number, why: string): void
  force(): void
  attribute(cause: Cause): void
  /** Another reason to stop, which changes nothing but what the report says. The unhandled error of a call that came too late is none: it is counted. */
  repeat(reason: Reason): void
}

export interface StopInput {
  readonly reason: Reason
  readonly entries: readonly Entry[]
  readonly policy: Policy
  /** The policy as it was written. */
  readonly chosen: Chosen
  readonly budget: Budget
  readonly clock: Clock
  readonly events: Events
  readonly from: 'starting' | 'ready'
  readonly tellReadiness: (why: string) => void
  /** Why resources had died by themselves before the stop, by name. */
  readonly ended: ReadonlyMap<string, string>
  /** See `runStop`. */
  readonly started: (entry: Entry) => boolean | Promise<boolean>
  /** What is wrong with the service as a whole. */
  readonly planWarnings: readonly string[]
  /** What was found wrong besides the plan, read at the end. */
  readonly warnings: Iterable<string>
  readonly doubters: Iterable<Doubter>
  readonly setState: (state: State) => void
  readonly stopping: FollowedSignal
  readonly draining: FollowedSignal
}

/** The latch, the signal and every quiesce in one tick, then the schedule, then the report. */
export function createStop(input: StopInput): Stop {
  const { reason, entries, policy, budget, clock, events, setState } = input
  const begunAt = clock.now()
  const startedAt = new Date().toISOString()
  // Before the service was ready it had no clients to lead elsewhere, and without a server it never has any.
  const lameDuck = input.from === 'ready' && hasServers(entries) ? budget.lameDuck : undefined
  const nodes = buildGraph(entries, policy, lameDuck)
  const schedule = makeSchedule(nodes, budget.ms)
  const plan = makePlan(nodes, schedule, budget, input.planWarnings)
  const errors: string[] = []
  const lateUses = createLateUses()
  let deadline = begunAt + budget.ms
  let budgetSource = budget.source
  let forced = false
  let repeats = 0
  let cause: Cause | undefined
  let scale = schedule.scale
  const warnings = new Set(warningsToTell({ plan, nodes, schedule, budget }, policy, input.chosen))
  let run: StopRun | undefined
  let isOver = false
  let resolveReport: (report: Report) => void
  const report = new Promise<Report>((resolve) => (resolveReport = resolve))

  return {
    report,
    begin,
    get deadline() {
      return deadline
    },
    moveDeadline(earlier, why) {
      if (isOver || earlier >= deadline) return
      deadline = earlier
      budgetSource = why
      const leftMs = deadline - clock.now()
      events.emit({ type: 'deadline-shrunk', leftMs, why })
      follow(run?.moveDeadline(deadline), leftMs)
    },
    force() {
      forced = true
      run?.force()
    },
    attribute({ kind, detail }) {
      cause = { kind, detail: describeValue(detail) }
    },
    repeat(again) {
      if (again.kind === 'fatal' && !isOver && lateUses.add(again.error)) return
      if (again.kind === 'fatal' && !isOver && !isCounted(again.error) && errors.length < mostErrors) errors.push(describeReason(again))
      repeats += 1
      if (repeats <= mostRepeats) events.emit({ type: 'stop-repeated', reason: again })
    },
  }

  /** Its step tells it already; a step that is skipped tells nothing. */
  function isCounted(error: unknown): boolean {
    return takeCounted(error, entries.filter((entry) => input.started(entry) !== false).map(({ givenTally }) => givenTally))
  }

  function begin(): void {
    setState({ name: lameDuck ? 'lame-duck' : 'draining', reason, sinceMs: begunAt, deadline })
    input.tellReadiness('a stop has begun')
    input.stopping.abort()
    const quiesced = quiesceAll(entries, { reason, deadline })
    if (!lameDuck) input.draining.abort()
    events.emit({ type: 'stop-begun', reason, plan })

    run = runStop({
      nodes,
      schedule,
      clock,
      reason,
      begunAt,
      deadline: begunAt + budget.ms,
      lameDuck: lameDuck ?? { minMs: 0, quietMs: 0, maxMs: 0 },
      events,
      started: input.started,
      quiesced: quiesced.pending,
      onLameDuckEnd() {
        setState({ name: 'draining', reason, sinceMs: clock.now(), deadline })
        input.draining.abort()
      },
    })
    // What a listener or a quiesce has asked for meanwhile.
    if (deadline < begunAt + budget.ms) follow(run.moveDeadline(deadline), deadline - clock.now())
    if (forced) run.force()
    const { done, leftInFlight } = run
    void done.then((steps) => end(plan, endSteps(steps, entries, { quiesceErrors: quiesced.errors, ended: input.ended, lateUses, leftInFlight }, warn)))
  }

  function warn(message: string): void {
    warnings.add(message)
    events.emit({ type: 'warning', message })
  }

  /** The report tells the tightest schedule. */
  function follow(later: Schedule | undefined, leftMs: number): void {
    if (!later || later.scale >= scale) return
    scale = later.scale
    for (const warning of scaleWarnings(later, { ...budget, ms: leftMs, source: budgetSource })) warnings.add(warning)
  }

  function end(plan: Plan, steps: readonly StepReport[]): void {
    isOver = true
    const strangers = lateUses.strangers(new Set(steps.map(({ name }) => name)))
    const isLost = ['forced', 'failed'].includes(resultOf(reason, steps, errors, strangers))
    // What was cut or has failed may well have something under way.
    const doubts = isLost ? strangers : [...strangers, ...askDoubters(input.doubters)]
    const result = resultOf(reason, steps, errors, doubts)
    const finished: Report = {
      version: 1,
      reason,
      cause,
      result,
      exitCode: exitCodeOf(reason, result, steps, policy.exitCodes),
      startedAt,
      tookMs: clock.now() - begunAt,
      budgetMs: deadline - begunAt,
      budgetSource,
      from: input.from,
      criticalPathMs: plan.criticalPathMs,
      scale,
      steps,
      errors: [...errors],
      warnings: [...warnings, ...input.warnings, ...doubts],
    }
    for (const message of doubts) events.emit({ type: 'warning', message })
    setState({ name: 'stopped', report: finished })
    events.emit({ type: 'stopped', report: finished })
    resolveReport(finished)
  }
}
