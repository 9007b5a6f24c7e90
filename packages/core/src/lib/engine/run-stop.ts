import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { Entry, Node } from './graph.ts'
import { runLameDuck, type LameDuckRun } from './lame-duck.ts'
import { planStep } from './plan.ts'
import type { LameDuckPolicy } from '../policy.ts'
import type { Reason } from '../reason.ts'
import type { StepReport } from '../report/report.ts'
import { makeSchedule, type Schedule, type Slot } from './schedule.ts'
import { count, isInUse, runStopStep, type RunningStep, type StepResult } from './stop-step.ts'

/** Time between two events that tell what is being waited for. */
const tellEveryMs = 1_000

/** Steps that begin in one turn of the loop: others have requests to answer. */
const mostAtOnce = 500

/** A timer that is this late is not late. */
const timerResolutionMs = 1

export interface RunStopInput {
  readonly nodes: readonly Node[]
  /** Of the nodes, for the time until the deadline. */
  readonly schedule: Schedule
  readonly clock: Clock
  readonly reason: Reason
  /** Monotonic ms at which the stop began, and by which it must be over. */
  readonly begunAt: number
  readonly deadline: number
  readonly lameDuck: LameDuckPolicy
  readonly events: Events
  /** `false`: never started, so there is nothing to stop; a promise: its start is still running, and tells how it went. */
  readonly started: (entry: Entry) => boolean | Promise<boolean>
  /** See `Quiesced`. */
  readonly quiesced: ReadonlyMap<string, Promise<void>>
  readonly onLameDuckEnd: () => void
}

export interface StopRun {
  /** One report for each step, in the order in which they finished. */
  readonly done: Promise<StepReport[]>
  /** By the name of a step that is unknown, and not worse: the error that says how much its drain left in flight. */
  readonly leftInFlight: ReadonlyMap<string, string>
  /** Cuts every step that is not over, in whatever order. */
  force(): void
  /** Makes a new schedule for what is left, and returns it; a later deadline changes nothing. */
  moveDeadline(deadline: number): Schedule | undefined
}

/**
 * Walks the stop graph: a step starts when everything before it is over, and is over at its latest finish at the
 * latest, so that no step can take the time that was promised to another.
 */
export function runStop(input: RunStopInput): StopRun {
  const { nodes, clock, begunAt, events } = input
  const slots = new Map(input.schedule.slots)
  const atStop = new Map<Node, number | undefined>()
  const waiting = new Map(nodes.map((node) => [node, node.before.length]))
  const pending = new Set(nodes)
  const begun = new Set<Node>()
  const running = new Map<Node, RunningStep>()
  const reports: StepReport[] = []
  const leftInFlight = new Map<string, string>()
  let lameDuckRun: LameDuckRun | undefined
  let resolveDone: (reports: StepReport[]) => void
  const done = new Promise<StepReport[]>((resolve) => (resolveDone = resolve))

  for (const node of nodes) if (node.entry) atStop.set(node, count(node.entry.resource, 'inFlight', []))
  const ready: Node[] = nodes.filter((node) => node.before.length === 0)
  let walking = false
  let stopDeadline = input.deadline
  // Not the whole budget: a quiesce may have blocked since the stop began.
  let cancelDeadline = clock.setTimer(endAll, stopDeadline - clock.now())
  let cancelTelling = clock.setTimer(tellWaiting, tellEveryMs)
  walk()

  /** A loop and not a recursion: thousands of skipped steps may follow one another in one tick. */
  function walk(): void {
    if (walking) return
    walking = true
    try {
      for (let left = mostAtOnce; left > 0 && ready.length > 0; left -= 1) begin(ready.shift() as Node)
    } finally {
      walking = false
    }
    if (ready.length > 0) return goOnLater()
    if (pending.size > 0) return
    cancelDeadline()
    cancelTelling()
    resolveDone(reports)
  }

  function goOnLater(): void {
    walking = true
    setImmediate(() => {
      walking = false
      walk()
    })
  }

  function begin(node: Node): void {
    if (begun.has(node)) return
    begun.add(node)
    if (node.kind === 'barrier') return over(node)
    if (node.kind === 'lame-duck') return beginLameDuck(node)
    const entry = node.entry as Entry
    const started = input.started(entry)
    if (started === false && !isInUse(entry.resource)) return skip(node)
    const slot = slots.get(node) as Slot
    const startedMs = clock.now() - begunAt
    const late = startedMs - slot.latestStartMs > timerResolutionMs
    const deadline = Math.max(clock.now(), stepDeadline(node, slot, clock.now()))
    const step = runStopStep({
      entry,
      clock,
      reason: input.reason,
      deadline,
      forceMs: slot.forceMs,
      atStop: atStop.get(node),
      startSettled: typeof started === 'boolean' ? undefined : started,
      quiesced: input.quiesced.get(node.name),
      onCut: (inFlight, waitingFor) => events.emit({ type: 'step-overran', name: node.name, inFlight, waitingFor }),
      onDone: (result) => {
        running.delete(node)
        const ran = result.outcome !== 'skipped'
        record(node, slot, result, ran ? { startedMs, deadlineMs: step.deadline() - begunAt, late } : { startedMs: undefined, deadlineMs: undefined, late })
        over(node)
        walk()
      },
    })
    running.set(node, step)
    events.emit({ type: 'step-started', name: node.name, deadlineInMs: deadline - clock.now() })
  }

  function stepDeadline(node: Node, slot: Slot, now: number): number {
    return Math.min(now + (node.timeoutMs ?? Infinity), begunAt + slot.latestFinishMs - slot.forceMs)
  }

  function beginLameDuck(node: Node): void {
    const slot = slots.get(node) as Slot
    const deadline = begunAt + slot.latestFinishMs
    const startedMs = clock.now() - begunAt
    const deadlineMs = Math.min(slot.latestFinishMs, startedMs + input.lameDuck.maxMs)
    lameDuckRun = runLameDuck({
      clock,
      policy: input.lameDuck,
      serving: node.after.flatMap((next) => (next.entry ? [next.entry.resource] : [])),
      deadline,
      onDone: (why, errors) => {
        lameDuckRun = undefined
        pending.delete(node)
        events.emit({ type: 'lame-duck-ended', tookMs: clock.now() - begunAt, why })
        input.onLameDuckEnd()
        const nothing = { atStart: undefined, atForce: undefined, waitingFor: [], work: undefined, unfinished: undefined, leftInFlight: undefined }
        record(node, slot, { ...nothing, errors, outcome: 'drained' }, { startedMs, deadlineMs, late: false })
        over(node)
        walk()
      },
    })
  }

  function skip(node: Node): void {
    const errors: string[] = []
    // A job that was never begun is work left, too.
    const unfinished = count((node.entry as Entry).resource, 'unfinished', errors)
    const nothing = { atStart: undefined, atForce: undefined, waitingFor: [], work: undefined, unfinished, errors, leftInFlight: undefined }
    record(node, slots.get(node) as Slot, { ...nothing, outcome: 'skipped' }, { startedMs: undefined, deadlineMs: undefined, late: false })
    over(node)
  }

  function over(node: Node): void {
    pending.delete(node)
    for (const next of node.after) {
      const left = (waiting.get(next) ?? 0) - 1
      waiting.set(next, left)
      if (left === 0) ready.push(next)
    }
  }

  /** @param slot the schedule that the step began under */
  function record(node: Node, slot: Slot, result: StepResult, when: Pick<StepReport, 'startedMs' | 'deadlineMs' | 'late'>): void {
    // Before anybody hears of it: a listener may move the deadline, and what is over needs no time.
    pending.delete(node)
    const { outcome, waitingFor, work, unfinished, errors } = result
    const { startedMs, deadlineMs, late } = when
    const planned = planStep(node, slot)
    // Field by field: spreading an object of this size took 13 µs and 8 kB in a measurement, which a thousand steps feel.
    const report: StepReport = {
      name: planned.name,
      phase: planned.phase,
      drainFrom: planned.drainFrom,
      afterPhase: planned.afterPhase,
      after: planned.after,
      reserveMs: planned.reserveMs,
      timeoutMs: planned.timeoutMs,
      forceMs: planned.forceMs,
      startMs: planned.startMs,
      latestStartMs: planned.latestStartMs,
      latestFinishMs: planned.latestFinishMs,
      outcome,
      startedMs,
      finishedMs: startedMs === undefined ? undefined : clock.now() - begunAt,
      deadlineMs,
      inFlight: { atStop: atStop.get(node), atStart: result.atStart, atForce: result.atForce },
      waitingFor,
      work,
      unfinished,
      late,
      errors,
    }
    reports.push(report)
    if (result.leftInFlight !== undefined) leftInFlight.set(node.name, result.leftInFlight)
    events.emit({ type: 'step-finished', step: report })
  }

  function tellWaiting(): void {
    cancelTelling = clock.setTimer(tellWaiting, tellEveryMs)
    if (running.size === 0) return
    const steps = [...running].map(([{ name }, step]) => ({ name, ...step.waiting() }))
    events.emit({ type: 'still-waiting', steps, leftMs: Math.max(0, stopDeadline - clock.now()) })
  }

  function cutAll(): void {
    lameDuckRun?.cut()
    // What has not begun is begun and cut in the same tick: it must be forced, and it must be in the report.
    for (const node of nodes) if (node.kind === 'resource') begin(node)
    for (const step of running.values()) step.cut()
    walk()
  }

  /** The deadline itself: nothing is waited for any more, not even a `force` within its bound. */
  function endAll(): void {
    cutAll()
    for (const step of running.values()) step.abandon()
  }

  return {
    done,
    leftInFlight,
    force: cutAll,
    moveDeadline(earlier) {
      if (pending.size === 0 || earlier >= stopDeadline) return undefined
      stopDeadline = earlier
      const now = clock.now()
      cancelDeadline()
      cancelDeadline = clock.setTimer(endAll, stopDeadline - now)
      const left = nodes.filter((node) => pending.has(node))
      const schedule = makeSchedule(left, stopDeadline - now, (node) => lengthLeft(node, now))
      for (const [node, slot] of schedule.slots) slots.set(node, delayed(slot, now - begunAt))
      for (const [node, step] of running) {
        const slot = slots.get(node) as Slot
        step.moveDeadline(stepDeadline(node, slot, step.startedAt), slot.forceMs)
      }
      const duck = left.find((node) => node.kind === 'lame-duck')
      if (duck) lameDuckRun?.moveDeadline(begunAt + (slots.get(duck) as Slot).latestFinishMs)
      return schedule
    },
  }

  function lengthLeft(node: Node, now: number): { reserveMs: number; forceMs: number } {
    const step = running.get(node)
    const forceLeftMs = step?.forceLeftMs()
    if (forceLeftMs !== undefined) return { reserveMs: 0, forceMs: forceLeftMs }
    const startedAt = node.kind === 'lame-duck' ? lameDuckRun?.startedAt : step?.startedAt
    return { reserveMs: Math.max(0, node.reserveMs - (now - (startedAt ?? now))), forceMs: node.forceMs }
  }
}

/** The same slot, told from an earlier moment. */
function delayed(slot: Slot, byMs: number): Slot {
  return {
    ...slot,
    startMs: slot.startMs + byMs,
    latestStartMs: slot.latestStartMs + byMs,
    latestFinishMs: slot.latestFinishMs + byMs,
  }
}
