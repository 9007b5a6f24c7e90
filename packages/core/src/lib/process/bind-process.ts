import { systemClock, type Clock } from '../clock.ts'
import { describeError, describeStack } from '../describe-value.ts'
import { takeEarlySignal, type EarlySignal } from './early-signals.ts'
import { LifecycleError, lifecycleErrorIn, requireMs, show } from '../errors.ts'
import { exit } from './exit.ts'
import { findLossyWrapper, isStartedByPm2 } from './lossy-wrapper.ts'
import { foreignListeners } from './foreign-listeners.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { systemProc } from './proc-reader.ts'
import { joinProcess, worstExitCode } from './process-bindings.ts'
import type { ProcessLike } from './process-like.ts'
import type { Report } from '../report/report.ts'
import { reportLine } from '../report/report-line.ts'
import { describeLateUses, describeStop } from '../report/describe-stop.ts'
import { describeWaiting } from '../report/describe-waiting.ts'
import { tellOperator } from './tell-operator.ts'
import { unflushedSdks } from './telemetry-sdks.ts'
import { validSignals } from './valid-signals.ts'
import { createWitness } from '../witness/witness.ts'

export interface BindOptions {
  /**
   * Signals that begin a stop. SIGHUP is not among them: a terminal that closes sends it, and so do log rotators,
   * which mean "reload". Add what your image's STOPSIGNAL says, if it is another.
   * @default ['SIGTERM', 'SIGINT']
   */
  readonly signals?: readonly NodeJS.Signals[]
  /** What to do with the report before the exit. @default one JSON line on stdout */
  readonly onReport?: (report: Report) => void
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

/** A wrapper that forwards Ctrl-C, beside the terminal that signals the whole group, delivers it twice within milliseconds. */
const impatienceMs = 500

/** Uncaught errors of a kind that are printed; what a broken connection, or one that was cut, throws a thousand times is the same error. */
const mostPrinted = 20

/** How long what has been written may be flushed after the deadline, as a share of the margin. */
const flushShare = 0.3

/**
 * Binds one lifecycle to this process: signals and uncaught errors begin the stop, and when it is over the report
 * is written, the output flushed and the process ended with the policy's exit code; a clean stop keeps a failing
 * `process.exitCode`. With several bound lifecycles the process ends with the last one.
 *
 * A repeated SIGTERM changes nothing: process managers and frameworks send it twice. A second Ctrl-C on a
 * terminal, half a second after the first or later, cuts what is left. An uncaught error during a stop is printed
 * on stderr and told in the report, and does not end the stop. Under pm2 its message `shutdown` begins a stop as well.
 *
 * Call it before anything that takes long, so that an early signal is not lost; `--import @lameduck/core/preload` catches
 * one that comes while modules still load.
 *
 * @throws LifecycleError `invalid-option`; `wrong-state` when the lifecycle is bound already, or has stopped, and in a worker thread.
 */
export function bindProcess(lifecycle: Lifecycle, options: BindOptions = {}): BoundProcess {
  const target: ProcessLike = options.process ?? process
  const clock = options.clock ?? systemClock
  const { marginMs } = lifecycle.policy
  const flushMs = requireMs(options.flushMs ?? 500, 'flushMs')
  const signals = validSignals(options.signals ?? ['SIGTERM', 'SIGINT'])
  const onReport = validOnReport(options.onReport) ?? ((report: Report) => void target.stdout.write(`${reportLine(report)}\n`))
  if (target === process && !process.getBuiltinModule('node:worker_threads').isMainThread) {
    throw new LifecycleError('wrong-state', 'bindProcess() was called in a worker thread, which gets no signals; bind in the main thread, and stop the worker in a drain')
  }
  const bindings = joinProcess(target, lifecycle)
  let interruptedAt: number | undefined
  /** The signal that began the stop, and when it came. */
  let begunBy: EarlySignal | undefined
  const printed = { ours: 0, theirs: 0 }
  /** Calls that the stop has refused or cut, and whose rejection nobody handled. */
  const lateUses: LifecycleError[] = []
  let isBound = true

  // Before the listeners: what these need must be there when one of them is called.
  const unsubscribe = lifecycle.subscribe((event) => {
    if (event.type === 'warning') tellOperator(target, `warning: ${event.message}`)
    if (event.type === 'still-waiting') tellOperator(target, describeWaiting(event.steps, event.leftMs))
    if (event.type === 'stopped') onStopped(event.report)
  })
  const witness = createWitness(lifecycle, {
    clock,
    signals,
    watchdog: target === process && (options.watchdog ?? true),
    // What a test with a process of its own writes is no container's last word.
    terminationMessage: options.terminationMessage ?? (target === process ? undefined : false),
    progresses: bindings.progresses,
    onSignalSeen,
  })
  const listeners: [string, (...parameters: unknown[]) => void][] = [
    ...signals.map((signal): [string, () => void] => [signal, () => onSignal(signal)]),
    ['uncaughtException', (error, origin) => onFatal(origin === 'unhandledRejection' ? origin : 'uncaughtException', error)],
    ['beforeExit', () => void lifecycle.stop({ kind: 'programmatic', detail: 'the event loop was empty' })],
    ['exit', (code) => onExit(code)],
  ]
  // Only there: a listener for messages keeps the process alive as long as its parent.
  const underPm2 = target === process ? isStartedByPm2(systemProc()) : target.env['pm_id'] !== undefined
  if (underPm2 && 'send' in target) listeners.push(['message', (message) => onMessage(message)])
  for (const [event, listener] of listeners) {
    bindings.listeners.add(listener)
    target.on(event, listener)
  }
  // The reader of a pipe may be gone. As an uncaught error that would be printed, and fail, for ever.
  const ignore = (): void => {}
  for (const stream of [target.stdout, target.stderr]) stream.on('error', ignore)
  const early = takeEarlySignal(target) ?? bindings.signal
  if (early) onSignal(early.signal, clock.now() - early.at)

  return {
    async ready() {
      // A signal that came while modules loaded is delivered when the event loop polls; the first turn may be past that.
      for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      try {
        await lifecycle.start()
      } catch (error) {
        if (!lifecycle.stopping.aborted) throw error
        // The stop that follows ends the process; nobody should go on as if the service were ready.
        await new Promise<never>(() => {})
      }
      const wrapper = target === process ? findLossyWrapper(systemProc(), lifecycle.policy.graceMs) : undefined
      if (wrapper !== undefined) lifecycle.warn(wrapper)
      if (target === process) for (const warning of unflushedSdks(bindings.alive)) lifecycle.warn(warning)
      for (const listener of foreignListeners(target, signals, bindings.listeners)) {
        lifecycle.warn(`another listener may end the process before it has drained (${listener}): remove it, and do what it does in a resource's drain`)
      }
      // The parent may have gone: then there is nobody to tell, and nothing wrong.
      if (underPm2 && target.connected === true) target.send?.('ready', undefined, undefined, () => {})
    },
    unbind() {
      if (!isBound) return
      isBound = false
      unsubscribe()
      witness.close()
      bindings.alive.delete(lifecycle)
      for (const [event, listener] of listeners) {
        target.off(event, listener)
        bindings.listeners.delete(listener)
      }
      for (const stream of [target.stdout, target.stderr]) stream.removeListener('error', ignore)
      if (bindings.alive.size > 0) return
      // The others have ended, and have left the exit to this one.
      if (bindings.reports.length > 0) leave(0)
      bindings.signal = undefined
    },
  }

  /** @param agoMs when it came, where that was before it could be handled */
  function onSignal(signal: NodeJS.Signals, agoMs: number = 0): void {
    const interactive = signal === 'SIGINT' && target.stdin.isTTY === true
    const impatient = interactive && interruptedAt !== undefined && clock.now() - interruptedAt >= impatienceMs
    if (interactive) interruptedAt ??= clock.now()
    const came = { signal, at: clock.now() - agoMs }
    if (!lifecycle.stopping.aborted) begunBy = came
    bindings.signal ??= came
    void lifecycle.stop({ kind: 'signal', signal, interactive, ...(agoMs > 0 ? { agoMs } : {}) })
    if (impatient) lifecycle.force()
  }

  /** The watchdog saw a signal while the event loop was blocked. Our own listener hears of it a moment earlier or later. */
  function onSignalSeen(signal: NodeJS.Signals, agoMs: number): void {
    const cameAt = clock.now() - agoMs
    if (!lifecycle.stopping.aborted) return onSignal(signal, agoMs)
    if (begunBy?.signal !== signal || cameAt >= begunBy.at || !('deadline' in lifecycle.state)) return
    const lateMs = begunBy.at - cameAt
    begunBy = { signal, at: cameAt }
    const leftMs = Math.max(0, lifecycle.state.deadline - clock.now() - lateMs)
    lifecycle.shrinkTo(leftMs, `${lifecycle.policy.graceFrom}, counted from ${signal}, which came ${Math.round(lateMs)} ms before it could be handled`)
  }

  function onMessage(message: unknown): void {
    if (message === 'shutdown') void lifecycle.stop({ kind: 'message', message })
  }

  function onFatal(origin: 'uncaughtException' | 'unhandledRejection', error: unknown): void {
    const stopping = lifecycle.stopping.aborted
    const told = stopping ? lifecycleErrorIn(error) : undefined
    if (told && isOfTheStop(told)) return void lateUses.push(told)
    // What the program hears of the stop itself, such as the refusal of a resource that it adds too late, is no failure.
    const ours = told !== undefined
    const text = ours ? `while stopping: ${describeError(error)}` : `${origin}${stopping ? ' while stopping' : ''}: ${describeStack(error)}`
    const kind = ours ? 'ours' : 'theirs'
    if (printed[kind] < mostPrinted) tellOperator(target, text)
    else if (printed[kind] === mostPrinted) tellOperator(target, `more ${ours ? 'errors of the stop itself' : 'uncaught errors'} are not printed`)
    printed[kind] += 1
    if (!ours) void lifecycle.stop({ kind: 'fatal', origin, error })
  }

  function onStopped(report: Report): void {
    bindings.reports.push(report)
    bindings.alive.delete(lifecycle)
    try {
      if (report.result !== 'clean' || report.reason.kind === 'fatal') tellOperator(target, describeStop(report))
      for (const line of describeLateUses(lateUses, report)) tellOperator(target, line)
      onReport(report)
    } catch (error) {
      tellOperator(target, `the report could not be written: ${describeError(error)}`)
    }
    // The last one's stays: it also ends an exit that hangs.
    if (bindings.alive.size > 0) return witness.retire()
    // The report's receiver may have unbound it.
    if (isBound) leave(Math.max(0, report.budgetMs - report.tookMs))
  }

  /** @param leftMs until the deadline */
  function leave(leftMs: number): void {
    const withinMs = leftMs + marginMs * flushShare
    witness.leaveWithin(withinMs)
    void exit(target, worstExitCode(bindings.reports, target.exitCode), { flushMs: Math.min(flushMs, withinMs), withinMs, clock })
  }

  /** Somebody else has called `process.exit`: nothing can be saved, but it can be told. */
  function onExit(code: unknown): void {
    if (lifecycle.state.name === 'stopped') return
    const running = witness.progress.running()
    if (lifecycle.stopping.aborted) {
      tellOperator(target, `process.exit(${String(code)}) was called while stopping${running.length > 0 ? `; ${running.join(', ')} did not finish` : ''}. Find who calls it, and leave the exit to lameduck.`)
    } else if (lifecycle.state.name === 'ready') {
      tellOperator(target, `process.exit(${String(code)}) was called without a stop: nothing was drained. Call lifecycle.stop() instead.`)
    }
  }
}

/** Not a fault of the service, but what a late call gets: the report counts it. */
function isOfTheStop({ code }: LifecycleError): boolean {
  return code === 'closed' || code === 'cut'
}

function validOnReport(onReport: BindOptions['onReport']): BindOptions['onReport'] {
  if (onReport === undefined || typeof onReport === 'function') return onReport
  throw new LifecycleError('invalid-option', `onReport must be a function; it is ${show(onReport)}`)
}
