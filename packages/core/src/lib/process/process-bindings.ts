import { LifecycleError } from '../errors.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Progress } from '../report/progress.ts'
import { severityOf, type Report } from '../report/report.ts'
import type { EarlySignal } from './early-signals.ts'
import type { ProcessLike } from './process-like.ts'

/** The lifecycles that are bound to one process, which ends with the last of them. */
export interface Bindings {
  readonly alive: Set<Lifecycle>
  /** Every listener that bindings have put on the process. */
  readonly listeners: Set<unknown>
  /** How those ended that have. */
  readonly reports: Map<Lifecycle, Report>
  /** Reports that are still on their way to their receivers; none of these promises rejects. */
  readonly deliveries: Set<Promise<void>>
  /** Called right before the process ends. */
  readonly beforeExit: Set<() => void>
  /** The exit that comes now is lameduck's own. */
  isLeaving: boolean
  /** The first signal, and when it came: who is bound later must hear of it, also where a stop had begun before. */
  signal: EarlySignal | undefined
  /** What each of them is doing: the process has one termination message. */
  readonly progresses: Progress[]
}

/** On the process and not in this module: a bundle may hold another copy, and the process must end with the last of both. */
const key = Symbol.for('lameduck.bindings')

/** @throws LifecycleError `wrong-state` when the lifecycle is bound already, or has stopped. */
export function joinProcess(target: ProcessLike, lifecycle: Lifecycle): Bindings {
  const holder = target as { [key]?: Bindings }
  const bindings = (holder[key] ??= {
    alive: new Set(),
    listeners: new Set(),
    reports: new Map(),
    deliveries: new Set(),
    beforeExit: new Set(),
    isLeaving: false,
    signal: undefined,
    progresses: [],
  })
  if (bindings.alive.has(lifecycle)) throw new LifecycleError('wrong-state', 'bindProcess() was called twice with the same lifecycle')
  if (lifecycle.state.name === 'stopped') throw new LifecycleError('wrong-state', 'bindProcess() was called with a lifecycle that has stopped')
  bindings.alive.add(lifecycle)
  return bindings
}

/** The exit code of the worst end that has one above 0; where all ended well, a failing code that the program has set itself. */
export function worstExitCode(reports: Iterable<Report>, ownCode: ProcessLike['exitCode']): number {
  const worst = [...reports].toSorted((a, b) => severityOf(b) - severityOf(a)).find(({ exitCode }) => exitCode !== 0)
  if (worst) return worst.exitCode
  return Number(ownCode ?? 0) || 0
}
