import { systemClock, type Clock } from '../clock.ts'
import { LifecycleError, requireMs, show } from '../errors.ts'
import type { Report } from '../report/report.ts'
import { requireOptions, type OptionNames } from '../require-options.ts'
import { reportLine } from '../report/report-line.ts'
import type { ProcessLike } from './process-like.ts'
import { validSignals } from './valid-signals.ts'

/** What to do about listeners of others for the same signals. */
export type OtherListeners = 'warn' | 'adopt' | 'ignore'

export interface BindOptions {
  /**
   * Signals that begin a stop. SIGHUP is not among them: a terminal that closes sends it, and so do log rotators,
   * which mean "reload". Add what your image's STOPSIGNAL says, if it is another.
   * @default ['SIGTERM', 'SIGINT']
   */
  readonly signals?: readonly NodeJS.Signals[]
  /**
   * What to do about the listeners that others have, or add later, for these signals (a framework, a telemetry SDK, a copied helper).
   * Any of them may end the process in the middle of the drain.
   * - `warn`: name them, with what to do;
   * - `adopt`: run them when intake and work have drained, one after the other, also in a stop that no signal began, unless the
   *   event loop was empty. What they do to end the process is not done;
   * - `ignore`: they are known, and do no harm.
   * @default 'warn'
   */
  readonly otherListeners?: OtherListeners
  /**
   * Whether an uncaught error begins a stop. `leave` leaves these errors to the service's own listeners, or to Node where there are
   * none; what comes while the service stops is told and counted all the same, and does not end the process.
   * @default 'stop'; 'leave' in the process of a test runner, which takes them for the test that they come from
   */
  readonly onUncaught?: 'stop' | 'leave'
  /**
   * What to do with the report before the exit. A promise is awaited for `onReportMs`; what fails is told on stderr, and the report is
   * then written to stdout.
   * @default one JSON line on stdout
   */
  readonly onReport?: (report: Report) => unknown
  /** Longest wait for what `onReport` and listeners of `stopped` return, in ms; never longer than until the deadline and 20 % of the policy's margin. @default 2000 */
  readonly onReportMs?: number
  /** Longest wait for stdout and stderr to take what was written, in ms; at the deadline no more than 30 % of the policy's margin. @default 500 */
  readonly flushMs?: number
  /**
   * A thread that ends the process before SIGKILL when the event loop is blocked, and says in which step and in which stack. It
   * takes about 8 MB. Without `process` being the real one there is none.
   * @default true
   */
  readonly watchdog?: boolean
  /**
   * A file that says at every moment of a stop what it is doing, for Kubernetes to show after the end. Made if it does not
   * exist.
   * @default '/dev/termination-log', if that exists; `false` with a `process` of one's own
   */
  readonly terminationMessage?: string | false
  /** @default the real one */
  readonly process?: ProcessLike
  /** @default the real one */
  readonly clock?: Clock
}

/** The options with their defaults. */
export interface Binding extends Required<Omit<BindOptions, 'onUncaught' | 'terminationMessage' | 'process'>> {
  readonly target: ProcessLike
  readonly onUncaught: 'stop' | 'leave' | undefined
  readonly terminationMessage: string | false | undefined
}

const names: OptionNames<BindOptions> = {
  signals: true,
  otherListeners: true,
  onUncaught: true,
  onReport: true,
  onReportMs: true,
  flushMs: true,
  watchdog: true,
  terminationMessage: true,
  process: true,
  clock: true,
}

/** @throws LifecycleError `invalid-option` */
export function resolveBinding(options: BindOptions): Binding {
  requireOptions(options, names, 'bindProcess()')
  const target: ProcessLike = options.process ?? process
  const isReal = target === process
  return {
    target,
    clock: options.clock ?? systemClock,
    signals: validSignals(options.signals ?? ['SIGTERM', 'SIGINT']),
    otherListeners: oneOf(options.otherListeners ?? 'warn', ['warn', 'adopt', 'ignore'], 'otherListeners'),
    onUncaught: options.onUncaught === undefined ? undefined : oneOf<'stop' | 'leave'>(options.onUncaught, ['stop', 'leave'], 'onUncaught'),
    onReport: validOnReport(options.onReport) ?? ((report) => void target.stdout.write(`${reportLine(report)}\n`)),
    onReportMs: requireMs(options.onReportMs ?? 2_000, 'onReportMs'),
    flushMs: requireMs(options.flushMs ?? 500, 'flushMs'),
    watchdog: isReal && (options.watchdog ?? true),
    // What a test with a process of its own writes is no container's last word.
    terminationMessage: options.terminationMessage ?? (isReal ? undefined : false),
  }
}

function oneOf<T extends string>(value: T, allowed: readonly T[], option: string): T {
  if (allowed.includes(value)) return value
  throw new LifecycleError('invalid-option', `${option} must be one of ${allowed.map((each) => `"${each}"`).join(', ')}; it is ${show(value)}`)
}

function validOnReport(onReport: BindOptions['onReport']): BindOptions['onReport'] {
  if (onReport === undefined || typeof onReport === 'function') return onReport
  throw new LifecycleError('invalid-option', `onReport must be a function; it is ${show(onReport)}`)
}
