import type { Clock } from '../clock.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { createProgress, type Progress } from '../report/progress.ts'
import { keepTold, longestMessage, tellTerminationMessage, terminationMessageFile } from './termination-message.ts'
import type { State } from '../state.ts'
import { startWatchdog } from './watchdog.ts'

/**
 * When the watchdog ends the process after the deadline, as a share of the margin: later than a flush (40 %), and early enough for
 * the 0.3 s that it takes.
 */
const watchdogShare = 0.5

/** Leaves room for a stack in front. */
const longestForWatchdog = 3_000

export interface WitnessOptions {
  readonly clock: Clock
  readonly signals: readonly NodeJS.Signals[]
  readonly watchdog: boolean
  /** See `BindOptions`. */
  readonly terminationMessage: string | false | undefined
  /** A signal came `agoMs` ago, when the event loop was blocked. */
  readonly onSignalSeen: (signal: NodeJS.Signals, agoMs: number) => void
}

/** What can still tell of a stop when the process itself no longer can. */
export interface Witness {
  readonly progress: Progress
  close(): void
}

/** Keeps the termination message and the watchdog in step with the stop. */
export function createWitness(lifecycle: Lifecycle, { clock, signals, watchdog: watched, terminationMessage, onSignalSeen }: WitnessOptions): Witness {
  const { exitCodes, marginMs } = lifecycle.policy
  const afterDeadlineMs = marginMs * watchdogShare
  const progress = createProgress(() => clock.now())
  const file = terminationMessageFile(terminationMessage, (why) => lifecycle.warn(why))
  const watchdog = watched
    ? startWatchdog({
        exitCode: exitCodes.stalled,
        signals,
        signalBudgetMs: lifecycle.plan().budgetMs + afterDeadlineMs,
        terminationMessagePath: file,
        onSignalSeen,
        onUnavailable: (why) => lifecycle.warn(`there is no watchdog, so a blocked event loop would last until SIGKILL: ${why}`),
      })
    : undefined
  const tell = keepTold(() => {
    if (file !== undefined) tellTerminationMessage(file, progress.text(longestMessage) ?? '{}')
    watchdog?.tell(progress.text(longestForWatchdog) ?? '{}')
  })
  const unsubscribe = lifecycle.subscribe((event) => {
    progress.on(event)
    if (event.type === 'state-changed') arm(event.state)
    if (progress.isStopping) tell()
  })

  return {
    progress,
    close() {
      unsubscribe()
      watchdog?.close()
    },
  }

  function arm(state: State): void {
    if ('deadline' in state) watchdog?.arm(Math.max(0, state.deadline - clock.now()) + afterDeadlineMs)
  }
}
