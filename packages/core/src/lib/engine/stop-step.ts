import type { Clock } from '../clock.ts'
import { describeError, describeValue } from '../describe-value.ts'
import { show } from '../errors.ts'
import type { WaitingStep } from '../events.ts'
import type { Entry } from './graph.ts'
import type { Reason } from '../reason.ts'
import type { Outcome } from '../report/report.ts'
import type { DrainContext, Resource } from '../resource.ts'
import { isThenable } from '../thenable.ts'
import type { Tally } from '../work/tally.ts'
import { describeFailures, outcomeOfWork, readTally } from './read-tally.ts'

/** Texts of a cut step that are kept: a report is one line of a log, and a server may hold thousands of requests. */
const longestWaitingFor = 20

/** Longest text that is kept, in characters. */
const longestText = 200

/** How long what is in flight may still be counted when the drain has ended, in ms, and how often it is looked at: on a busy loop the time alone is one turn. */
const settleMs = 10
const settleLooks = 5

/** How one resource's step ended. */
export interface StepResult {
  readonly outcome: Outcome
  readonly atStart: number | undefined
  readonly atForce: number | undefined
  readonly waitingFor: readonly string[]
  readonly work: Tally | undefined
  readonly unfinished: number | undefined
  readonly errors: readonly string[]
  /** The one of `errors` that says how much its drain left in flight, where nothing worse makes it `unknown`. */
  readonly leftInFlight: string | undefined
}

/** A step that is running: its deadline may be moved, and it may be cut at once. */
export interface RunningStep {
  readonly startedAt: number
  readonly deadline: () => number
  /** What it is waiting for now. */
  waiting(): Omit<WaitingStep, 'name'>
  /** Ms left to a `force` that has been called; `undefined` before. */
  forceLeftMs(): number | undefined
  /** Moves both earlier: when `drain` is cut, and how long `force` may take from then on, or from now on if it has been called. */
  moveDeadline(deadline: number, forceMs: number): void
  /** Begins `force` now. */
  cut(): void
  /** Ends the step now, without waiting for a `force` that has begun. */
  abandon(): void
}

export interface StepInput {
  readonly entry: Entry
  readonly clock: Clock
  readonly reason: Reason
  /** Monotonic ms at which `drain` is cut. */
  readonly deadline: number
  readonly forceMs: number
  /** In flight when the whole stop began. */
  readonly atStop: number | undefined
  /** Tells, when a `start` that is still running has settled, whether it succeeded. */
  readonly startSettled: Promise<boolean> | undefined
  /** What its `quiesce` returned, where that was a promise. */
  readonly quiesced: Promise<void> | undefined
  readonly onCut: (inFlight: number | undefined, waitingFor: readonly string[]) => void
  /** Called exactly once. */
  readonly onDone: (result: StepResult) => void
}

/**
 * Runs one resource's drain until it settles or its deadline passes, whichever is first. At the deadline: abort
 * the signal, call `force`, wait for it within its bound, go on. What `drain` does after that is no longer
 * of interest. A drain that ends while work is still in flight has not finished it: that is `unknown`. One that throws is followed by `force` too, since it may have left sockets behind.
 */
export function runStopStep(input: StepInput): RunningStep {
  const { clock, entry } = input
  const { resource } = entry
  const startedAt = clock.now()
  /** Made when it is asked for: a signal is 1.5 kB, and most resources of a thousand are idle. */
  let abort: AbortController | undefined
  const errors: string[] = []
  const atStart = count(resource, 'inFlight', errors)
  let deadline = input.deadline
  let cancelDeadline = clock.setTimer(cut, deadline - startedAt)
  let forceMs = input.forceMs
  let giveUpAt: number | undefined
  let cancelBound = (): void => {}
  let phase: 'draining' | 'forcing' | 'done' = 'draining'
  let giveUp = (): void => {}

  const context: DrainContext = {
    reason: input.reason,
    get deadline() {
      return deadline
    },
    remaining: () => Math.max(0, deadline - clock.now()),
    get signal() {
      if (!abort) {
        abort = new AbortController()
        if (phase !== 'draining') abort.abort(cutError())
      }
      return abort.signal
    },
  }
  let hasStarted = true
  const draining = drain()
  draining.then(onDrained, onDrainFailed)

  /** Begins in the next microtask, when the engine knows the step and can cut it. */
  async function drain(): Promise<void> {
    hasStarted = (await (input.startSettled ?? Promise.resolve(true))) || isInUse(resource)
    if (hasStarted && phase === 'draining') await resource.drain(context)
    await input.quiesced
  }

  function onDrained(): void {
    if (phase !== 'draining') return
    if (!hasStarted) return finish('skipped', undefined, [])
    judgeSoon(clock.now() + settleMs, settleLooks)
  }

  /** Where something is still counted, a little later: some tell of an end before they count it. */
  function judgeSoon(latest: number, looks: number): void {
    if (phase !== 'draining') return
    if (count(resource, 'inFlight', []) && (clock.now() < latest || looks > 0)) clock.setTimer(() => judgeSoon(latest, looks - 1), 1)
    else judge()
  }

  /** What the drain has come to: that it ended says little. */
  function judge(): void {
    const left = countLeft()
    const work = readTally(resource)
    // It may have forced the stop.
    if (phase !== 'draining') return
    // What has failed or was cut was waited for, and is not done.
    if (work && work.failed > 0) errors.push(describeFailures(work))
    const outcome = work ? outcomeOfWork(work) : 'drained'
    if (left === undefined || left > (work ? work.unknown + work.cut : 0)) {
      const text = left === undefined ? 'its drain ended, and what was still in flight cannot be read' : `its drain ended while ${left === 1 ? '1 unit was' : `${left} units were`} still in flight`
      errors.push(text)
      if (outcome !== 'drained' && outcome !== 'unknown') return finish(outcome, undefined, listWaiting(resource, errors))
      return finish('unknown', undefined, listWaiting(resource, errors), text)
    }
    const nothing = (input.atStop ?? atStart) === 0 && (atStart ?? 0) === 0 && (work?.done ?? 0) === 0
    finish(outcome === 'drained' && nothing ? 'idle' : outcome, undefined, [])
  }

  /** Nothing where it could be read when the drain began, and cannot be now. */
  function countLeft(): number | undefined {
    const problems: string[] = []
    const left = count(resource, 'inFlight', problems)
    if (atStart === undefined) return left ?? 0
    errors.push(...problems)
    return left
  }

  function onDrainFailed(error: unknown): void {
    if (phase !== 'draining') return
    errors.push(describeError(error))
    force('failed')
  }

  function cut(): void {
    if (phase === 'draining') force('forced')
  }

  function force(outcome: 'forced' | 'failed'): void {
    phase = 'forcing'
    cancelDeadline()
    const forcedAt = clock.now()
    giveUpAt = forcedAt + forceMs
    const atForce = count(resource, 'inFlight', errors)
    const waitingFor = listWaiting(resource, errors)
    if (outcome === 'forced') input.onCut(atForce, waitingFor)
    abort?.abort(cutError())
    const forcing = resource.force
      ? attempt(() => resource.force?.({ reason: input.reason, boundMs: forceMs })).catch((error: unknown) => {
          errors.push(`force: ${describeError(error)}`)
        })
      : draining.catch(() => {})
    giveUp = () => {
      if (resource.force) errors.push(`force did not settle within ${Math.round(clock.now() - forcedAt)} ms`)
      finish(outcome, atForce, waitingFor)
    }
    armBound()
    void forcing.then(() => finish(outcome, atForce, waitingFor))
  }

  function armBound(): void {
    cancelBound()
    cancelBound = clock.setTimer(() => giveUp(), (giveUpAt ?? 0) - clock.now())
  }

  function cutError(): Error {
    return new Error(`${resource.name} was cut`)
  }

  function finish(outcome: Outcome, atForce: number | undefined, waitingFor: readonly string[], leftInFlight?: string): void {
    if (phase === 'done') return
    phase = 'done'
    giveUp = () => {}
    cancelDeadline()
    cancelBound()
    const unfinished = count(resource, 'unfinished', errors)
    const work = outcome === 'skipped' ? undefined : readTally(resource)
    // A drain that threw, and left work that its force has cut.
    const worst = outcome === 'failed' && work && outcomeOfWork(work) === 'forced' ? 'forced' : outcome
    input.onDone({ outcome: worst, atStart, atForce, waitingFor, work, unfinished, errors, leftInFlight })
  }

  return {
    startedAt,
    deadline: () => deadline,
    // What is wrong with either is told when the step is over.
    waiting: () => ({ inFlight: count(resource, 'inFlight', []), waitingFor: listWaiting(resource, []), leftMs: phase === 'draining' ? Math.max(0, deadline - clock.now()) : undefined }),
    forceLeftMs: () => (giveUpAt === undefined ? undefined : Math.max(0, giveUpAt - clock.now())),
    moveDeadline(earlier, lessForceMs) {
      // What comes after was promised the time from then on, and must not wait for a bound of an earlier schedule.
      forceMs = Math.min(forceMs, lessForceMs)
      if (giveUpAt !== undefined) {
        giveUpAt = Math.min(giveUpAt, clock.now() + lessForceMs)
        if (phase === 'forcing') armBound()
      }
      if (phase !== 'draining' || earlier >= deadline) return
      deadline = earlier
      cancelDeadline()
      cancelDeadline = clock.setTimer(cut, deadline - clock.now())
    },
    cut,
    abandon: () => giveUp(),
  }
}

/**
 * `inFlight()` or `unfinished()` as a number, or nothing where the resource cannot tell; what is wrong with it is kept. What
 * cannot be read of `unfinished` counts as work left: the other way round a Job would be marked as complete.
 */
export function count(resource: Resource, what: 'inFlight' | 'unfinished', errors: string[]): number | undefined {
  const unknown = what === 'unfinished' ? Infinity : undefined
  try {
    const counted: unknown = resource[what]?.()
    if (counted === undefined || (typeof counted === 'number' && counted >= 0 && (counted < Infinity || unknown))) return counted
    if (isThenable(counted)) Promise.resolve(counted).catch(() => {})
    errors.push(`${what}: must return a number; it returned ${show(counted)}`)
  } catch (error) {
    errors.push(`${what}: ${describeError(error)}`)
  }
  return unknown
}

/** Never started by the lifecycle, and at work all the same: a server that the application has told to listen, a pool that a migration uses. */
export function isInUse(resource: Resource): boolean {
  return (count(resource, 'inFlight', []) ?? 0) > 0
}

/** At most 20 texts; what is wrong with them is kept. */
export function listWaiting(resource: Resource, errors: string[]): readonly string[] {
  try {
    const all: unknown = resource.waitingFor?.() ?? []
    if (!Array.isArray(all)) throw new TypeError(`must return an array of texts; it returned ${show(all)}`)
    const texts = all.slice(0, longestWaitingFor).map((each) => cutShort(describeValue(each)))
    return all.length <= longestWaitingFor ? texts : [...texts, 'and more']
  } catch (error) {
    errors.push(`waitingFor: ${describeError(error)}`)
    return []
  }
}

/** A client may ask for a path of many thousand characters. */
function cutShort(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text
}

/** A synchronous throw becomes a rejection. */
async function attempt(action: () => Promise<void> | void): Promise<void> {
  await action()
}
