import { constants } from 'node:os'
import { systemClock, type Clock } from './clock.ts'
import { describeError } from './describe-value.ts'
import { LifecycleError, requireMs, show } from './errors.ts'
import { exit } from './exit.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { ProcessLike } from './process-like.ts'
import { describeReason } from './reason.ts'
import { reportLine, type Report } from './report.ts'

export interface BindOptions {
  /**
   * Signals that begin a stop. SIGHUP is not among them: a terminal that closes sends it, and so do log rotators,
   * which mean "reload".
   * @default ['SIGTERM', 'SIGINT']
   */
  readonly signals?: readonly NodeJS.Signals[]
  /** What to do with the report before the exit. @default one JSON line on stdout */
  readonly onReport?: (report: Report) => void
  /** Longest wait for stdout and stderr to take what was written, in ms. @default 500 */
  readonly flushMs?: number
  /** @default the real one */
  readonly process?: ProcessLike
  /** @default the real one */
  readonly clock?: Clock
}

/** What ties a lifecycle to its process. */
export interface BoundProcess {
  /**
   * Starts the lifecycle and resolves when it is ready. When the start fails, or a stop begins meanwhile, it
   * never settles: why a start failed is printed on stderr, what had started is stopped, and the process exits.
   */
  ready(): Promise<void>
  /** Removes every listener again; a stop that has begun goes on, but no longer ends the process. */
  unbind(): void
}

/** The lifecycles that are bound to one process: it ends with the last of them, with the worst exit code. */
interface Bindings {
  readonly alive: Set<Lifecycle>
  exitCode: number
}

const bindingsOf = new WeakMap<ProcessLike, Bindings>()

/** A wrapper that forwards Ctrl-C, beside the terminal that signals the whole group, delivers it twice within milliseconds. */
const impatienceMs = 500

/**
 * Binds one lifecycle to this process: signals and uncaught errors begin the stop, and when it is over the report
 * is written, the output flushed and the process ended with the policy's exit code; a clean stop keeps a failing
 * `process.exitCode`. With several bound lifecycles the process ends with the last one.
 *
 * A repeated SIGTERM changes nothing: process managers and frameworks send it twice. A second Ctrl-C on a
 * terminal, half a second after the first or later, cuts what is left. An uncaught error during a stop is printed
 * on stderr, and does not end the stop.
 *
 * Call it before anything that takes long, so that an early signal is not lost.
 *
 * @throws LifecycleError `invalid-option`; `wrong-state` when the lifecycle is bound already, or has stopped.
 */
export function bindProcess(lifecycle: Lifecycle, options: BindOptions = {}): BoundProcess {
  const target: ProcessLike = options.process ?? process
  const clock = options.clock ?? systemClock
  const flushMs = requireMs(options.flushMs ?? 500, 'flushMs')
  const signals = validSignals(options.signals ?? ['SIGTERM', 'SIGINT'])
  const onReport = validOnReport(options.onReport) ?? ((report: Report) => void target.stdout.write(`${reportLine(report)}\n`))
  const bindings = join(target, lifecycle)
  let interruptedAt: number | undefined

  const listeners: [string, (...parameters: unknown[]) => void][] = [
    ...signals.map((signal): [string, () => void] => [signal, () => onSignal(signal)]),
    ['uncaughtException', (error, origin) => onFatal(origin === 'unhandledRejection' ? origin : 'uncaughtException', error)],
    ['beforeExit', () => void lifecycle.stop({ kind: 'programmatic', detail: 'the event loop was empty' })],
  ]
  for (const [event, listener] of listeners) target.on(event, listener)
  // The reader of a pipe may be gone. As an uncaught error that would be printed, and fail, for ever.
  const ignore = (): void => {}
  for (const stream of [target.stdout, target.stderr]) stream.on('error', ignore)
  const unsubscribe = lifecycle.subscribe((event) => {
    if (event.type === 'warning') complain(`warning: ${event.message}`)
    if (event.type === 'stopped') onStopped(event.report)
  })

  return {
    async ready() {
      try {
        await lifecycle.start()
      } catch (error) {
        if (!lifecycle.stopping.aborted) throw error
        // The stop that follows ends the process; nobody should go on as if the service were ready.
        await new Promise<never>(() => {})
      }
    },
    unbind() {
      unsubscribe()
      bindings.alive.delete(lifecycle)
      for (const [event, listener] of listeners) target.off(event, listener)
      for (const stream of [target.stdout, target.stderr]) stream.removeListener('error', ignore)
    },
  }

  function onSignal(signal: NodeJS.Signals): void {
    const interactive = signal === 'SIGINT' && target.stdin.isTTY === true
    const impatient = interactive && interruptedAt !== undefined && clock.now() - interruptedAt >= impatienceMs
    if (interactive) interruptedAt ??= clock.now()
    void lifecycle.stop({ kind: 'signal', signal, interactive })
    if (impatient) lifecycle.force()
  }

  function onFatal(origin: 'uncaughtException' | 'unhandledRejection', error: unknown): void {
    const stopping = lifecycle.stopping.aborted
    complain(`${origin}${stopping ? ' while stopping' : ''}: ${error instanceof Error ? (error.stack ?? describeError(error)) : show(error)}`)
    if (!stopping) void lifecycle.stop({ kind: 'fatal', origin, error })
  }

  function onStopped(report: Report): void {
    const ownCode = report.exitCode === 0 ? Number(target.exitCode ?? 0) || 0 : report.exitCode
    bindings.exitCode = Math.max(bindings.exitCode, ownCode)
    bindings.alive.delete(lifecycle)
    try {
      if (report.result !== 'clean' || report.reason.kind === 'fatal') complain(summary(report))
      onReport(report)
    } catch (error) {
      complain(`the report could not be written: ${describeError(error)}`)
    }
    if (bindings.alive.size === 0) void exit(target, bindings.exitCode, flushMs, clock)
  }

  /** Never throws: it is what is called when something else has failed. */
  function complain(text: string): void {
    try {
      target.stderr.write(`lameduck: ${text}\n`)
    } catch {
      // Nobody is left to be told.
    }
  }
}

function join(target: ProcessLike, lifecycle: Lifecycle): Bindings {
  const bindings = bindingsOf.get(target) ?? { alive: new Set<Lifecycle>(), exitCode: 0 }
  if (bindings.alive.has(lifecycle)) throw new LifecycleError('wrong-state', 'bindProcess() was called twice with the same lifecycle')
  if (lifecycle.state.name === 'stopped') throw new LifecycleError('wrong-state', 'bindProcess() was called with a lifecycle that has stopped')
  bindings.alive.add(lifecycle)
  bindingsOf.set(target, bindings)
  return bindings
}

function summary(report: Report): string {
  const steps = report.steps
    .filter((step) => step.outcome === 'forced' || step.outcome === 'failed')
    .map((step) => {
      const lost = step.inFlight.atForce === undefined ? '' : `, ${step.inFlight.atForce} in flight`
      return `${step.name} was ${step.outcome}${lost}${step.errors.length > 0 ? ` (${step.errors.join('; ')})` : ''}`
    })
  const why = `stopped on ${describeReason(report.reason)}`
  return steps.length === 0 ? why : `${why}; work may be lost: ${steps.join('; ')}`
}

function validSignals(signals: readonly NodeJS.Signals[]): readonly NodeJS.Signals[] {
  for (const signal of signals) {
    if (!(signal in constants.signals) || signal === 'SIGKILL' || signal === 'SIGSTOP') {
      throw new LifecycleError('invalid-option', `signals must name signals that a process can catch; one is ${show(signal)}`)
    }
  }
  return signals
}

function validOnReport(onReport: BindOptions['onReport']): BindOptions['onReport'] {
  if (onReport === undefined || typeof onReport === 'function') return onReport
  throw new LifecycleError('invalid-option', `onReport must be a function; it is ${show(onReport)}`)
}
