import { systemClock, type Clock } from './clock.ts'
import { LifecycleError, show } from './errors.ts'
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
   * never settles: the reason is printed on stderr, what had started is stopped, and the process exits.
   */
  ready(): Promise<void>
  /** Removes every listener again; a stop that has begun goes on, but no longer ends the process. */
  unbind(): void
}

/**
 * Binds one lifecycle to this process: signals and uncaught errors begin the stop, and when it is over the report
 * is written, the output flushed and the process ended with the policy's exit code.
 *
 * A repeated SIGTERM changes nothing: process managers and frameworks send it twice. A repeated SIGINT on a
 * terminal cuts what is left. An uncaught error during a stop is printed and counted, but does not end the stop.
 *
 * Call it before anything that takes long, so that an early signal is not lost.
 *
 * @throws LifecycleError `invalid-option`.
 */
export function bindProcess(lifecycle: Lifecycle, options: BindOptions = {}): BoundProcess {
  const target: ProcessLike = options.process ?? process
  const clock = options.clock ?? systemClock
  const flushMs = options.flushMs ?? 500
  const signals = validSignals(options.signals ?? ['SIGTERM', 'SIGINT'])
  const onReport = options.onReport ?? ((report: Report) => void target.stdout.write(`${reportLine(report)}\n`))
  const listeners: [string, (...parameters: unknown[]) => void][] = [
    ...signals.map((signal): [string, () => void] => [signal, () => onSignal(signal)]),
    ['uncaughtException', (error, origin) => onFatal(origin === 'unhandledRejection' ? origin : 'uncaughtException', error)],
    ['beforeExit', () => void lifecycle.stop({ kind: 'programmatic', detail: 'the event loop was empty' })],
  ]
  for (const [event, listener] of listeners) target.on(event, listener)
  const unsubscribe = lifecycle.subscribe((event) => {
    if (event.type === 'warning') complain(`warning: ${event.resource ? `${event.resource}: ` : ''}${event.message}`)
    if (event.type === 'stopped') void onStopped(event.report)
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
      for (const [event, listener] of listeners) target.off(event, listener)
    },
  }

  function onSignal(signal: NodeJS.Signals): void {
    const interactive = signal === 'SIGINT' && target.stdin.isTTY === true
    const repeated = lifecycle.stopping.aborted
    void lifecycle.stop({ kind: 'signal', signal, interactive })
    if (repeated && interactive) lifecycle.force()
  }

  function onFatal(origin: 'uncaughtException' | 'unhandledRejection', error: unknown): void {
    const stopping = lifecycle.stopping.aborted
    complain(`${origin}${stopping ? ' while stopping' : ''}: ${error instanceof Error ? (error.stack ?? error.message) : show(error)}`)
    if (!stopping) void lifecycle.stop({ kind: 'fatal', origin, error })
  }

  async function onStopped(report: Report): Promise<void> {
    // The reader of a pipe may be gone; that must not become a new uncaught error for every line about the last.
    for (const stream of [target.stdout, target.stderr]) stream.on('error', () => {})
    if (report.result !== 'clean' || report.reason.kind === 'fatal') complain(summary(report))
    try {
      onReport(report)
    } catch (error) {
      complain(`onReport threw: ${error instanceof Error ? error.message : show(error)}`)
    }
    await exit(target, report.exitCode, flushMs, clock)
  }

  function complain(text: string): void {
    target.stderr.write(`lameduck: ${text}\n`)
  }
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
    if (typeof signal !== 'string' || !signal.startsWith('SIG') || signal === 'SIGKILL' || signal === 'SIGSTOP') {
      throw new LifecycleError('invalid-option', `signals must name signals that a process can catch; one is ${show(signal)}`)
    }
  }
  return signals
}
