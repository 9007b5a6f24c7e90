import type { Clock } from '../clock.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { createProgress, type Progress } from '../report/progress.ts'
import { severityOf } from '../report/report.ts'
import { keepTold, longestMessage, tellTerminationMessage, terminationMessageFile } from './termination-message.ts'
import type { State } from '../state.ts'
import { startWatchdog } from './watchdog.ts'

/**
 * How long after the deadline, as a share of the margin, the watchdog ends a process that has not finished its stop. Everything has been
 * cut at the deadline itself, so this is only for an event loop that lags a little; the watchdog takes up to 0.3 s, and 0.7 s where the
 * container has a tenth of a core.
 */
const watchdogShare = 0.2

/** The same for a process that has finished its stop but does not get out, after the time that it had for that. */
const leavingShare = 0.1

/** Leaves room for a stack in front. */
const longestForWatchdog = 3_000

export interface WitnessOptions {
  readonly clock: Clock
  readonly signals: readonly NodeJS.Signals[]
  readonly watchdog: boolean
  /** See `BindOptions`. */
  readonly terminationMessage: string | false | undefined
  /** Of every lifecycle of the process; the new one is added. */
  readonly progresses: Progress[]
  /** A signal came `agoMs` ago, when the event loop was blocked. */
  readonly onSignalSeen: (signal: NodeJS.Signals, agoMs: number) => void
}

/** What can still tell of a stop when the process itself no longer can. */
export interface Witness {
  readonly progress: Progress
  /** The stop is over, but not the process. */
  retire(): void
  /** The stop is over, and the process ends within `inMs`. */
  leaveWithin(inMs: number): void
  close(): void
}

/** Keeps the termination message and the watchdog in step with the stop. */
export function createWitness(lifecycle: Lifecycle, { clock, signals, watchdog: watched, terminationMessage, progresses, onSignalSeen }: WitnessOptions): Witness {
  const { exitCodes, marginMs } = lifecycle.policy
  const afterDeadlineMs = marginMs * watchdogShare
  const progress = createProgress(() => clock.now())
  progresses.push(progress)
  const file = terminationMessageFile(terminationMessage, (why) => lifecycle.warn(why))
  const { graceMs, preStopMs } = lifecycle.policy
  const usualMs = graceMs - preStopMs - marginMs
  let isClosed = false
  const watchdog = watched
    ? startWatchdog({
        exitCode: exitCodes.stalled,
        signals,
        signalBudgetMs: usualMs + afterDeadlineMs,
        forgetMs: graceMs,
        terminationMessagePath: file,
        onSignalSeen,
        onUnavailable: (why) => lifecycle.warn(`there is no watchdog, so a blocked event loop would last until SIGKILL: ${why}`),
      })
    : undefined
  const tell = (): void => {
    if (isClosed) return
    if (file !== undefined) tellTerminationMessage(file, mostTelling(progresses).text(longestMessage) ?? '{}')
    watchdog?.tell(progress.text(longestForWatchdog) ?? '{}')
  }
  const changed = keepTold(tell)
  const unsubscribe = lifecycle.subscribe((event) => {
    progress.on(event)
    if (event.type === 'state-changed') arm(event.state)
    else if (event.type === 'pre-stop') expectSignal(event.announced)
    else if (event.type === 'deadline-shrunk') expectSignal(true)
    // The end is told at once: the process may be gone before the turn is over.
    if (event.type === 'stopped') tell()
    else if (progress.isStopping) changed()
  })

  // What was known, or under way, before anybody watched.
  expectSignal(false)
  arm(lifecycle.state)

  return {
    progress,
    retire: () => watchdog?.close(),
    leaveWithin: (inMs) => watchdog?.arm(inMs + marginMs * leavingShare),
    close() {
      isClosed = true
      unsubscribe()
      watchdog?.close()
      progresses.splice(progresses.indexOf(progress), 1)
    },
  }

  /** Before a stop: what `preStop` and a known deadline leave for the signal that the main thread may never see. */
  function expectSignal(isAnnounced: boolean): void {
    if (progress.isStopping) return
    const leftMs = lifecycle.plan().budgetMs
    watchdog?.expectSignal(isAnnounced || leftMs < usualMs ? leftMs + afterDeadlineMs : Infinity)
  }

  function arm(state: State): void {
    if ('deadline' in state) watchdog?.arm(Math.max(0, state.deadline - clock.now()) + afterDeadlineMs)
  }
}

/** While one of them is still stopping, what that does; then the worst end. */
function mostTelling(progresses: readonly Progress[]): Progress {
  const rank = ({ report, isStopping }: Progress): number => (report ? severityOf(report) : isStopping ? Infinity : -1)
  return progresses.reduce((most, each) => (rank(each) > rank(most) ? each : most))
}
