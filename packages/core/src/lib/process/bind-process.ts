import { resolveBinding, type BindOptions } from './bind-options.ts'
import { takeEarlySignal } from './early-signals.ts'
import { loopWasEmpty } from '../reason.ts'
import { createEnding } from './ending.ts'
import { doubtersOf } from '../engine/doubters.ts'
import { LifecycleError } from '../errors.ts'
import { noticeExit } from './exit-notice.ts'
import { handleOtherListeners } from './handle-other-listeners.ts'
import { lookForLeftBehind } from './left-behind.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { createListening } from './listening.ts'
import { findLossyWrapper, isStartedByPm2 } from './lossy-wrapper.ts'
import { describeOtherRuntime } from './other-runtime.ts'
import { systemProc } from './proc-reader.ts'
import { joinProcess } from './process-bindings.ts'
import { describeWaiting } from '../report/describe-waiting.ts'
import { handleSignals } from './signals.ts'
import type { State } from '../state.ts'
import { tellOperator } from './tell-operator.ts'
import { unflushedSdks } from './telemetry-sdks.ts'
import { findTestRunner } from './test-runner.ts'
import { handleUncaughtErrors } from './uncaught-errors.ts'
import { createWitness } from '../witness/witness.ts'

/** What ties a lifecycle to its process. */
export interface BoundProcess {
  /**
   * Starts the lifecycle and resolves when it is ready. When the start fails, or a stop begins meanwhile, it
   * never settles: why a start failed is printed on stderr, what had started is stopped, and the process exits. In the process of a
   * test runner, which is not ended, it rejects.
   */
  ready(): Promise<void>
  /**
   * Removes every listener again, and puts adopted ones back; a stop that has begun goes on, but no longer ends the process. What a
   * test that binds to the real process calls at its end.
   */
  unbind(): void
}

/**
 * Binds one lifecycle to this process: signals and uncaught errors begin the stop, and when it is over the report
 * is delivered, the output flushed and the process ended with the policy's exit code; a clean stop keeps a failing
 * `process.exitCode`. With several bound lifecycles the process ends with the last one.
 *
 * A repeated SIGTERM changes nothing: process managers and frameworks send it twice. A second Ctrl-C on a
 * terminal, half a second after the first or later, cuts what is left. An uncaught error during a stop is printed
 * on stderr and told in the report, and does not end the stop. Under pm2 its message `shutdown` begins a stop as well.
 *
 * Call it before anything that takes long, so that an early signal is not lost; `--import @lameduck/core/preload` catches
 * one that comes while modules still load. In the process of a test runner only a signal ends the process, never with code 0.
 *
 * @throws LifecycleError `invalid-option`; `wrong-state` when the lifecycle is bound already, or has stopped, and in a worker thread.
 */
export function bindProcess(lifecycle: Lifecycle, options: BindOptions = {}): BoundProcess {
  const binding = resolveBinding(options)
  const { target, clock, signals } = binding
  const isReal = target === process
  if (isReal && !process.getBuiltinModule('node:worker_threads').isMainThread) {
    throw new LifecycleError('wrong-state', 'bindProcess() was called in a worker thread, which gets no signals; bind in the main thread, and stop the worker in a drain')
  }
  const runner = isReal ? findTestRunner() : undefined
  const otherRuntime = isReal ? describeOtherRuntime() : undefined
  const onUncaught = binding.onUncaught ?? (runner === undefined ? 'stop' : 'leave')
  const bindings = joinProcess(target, lifecycle)
  const listening = createListening(target, bindings)
  const stopSignals = handleSignals(lifecycle, target, clock, bindings)
  let isBound = true

  // Before the listeners: what these need must be there when one of them is called.
  const unsubscribe = lifecycle.subscribe((event) => {
    if (event.type === 'warning') tellOperator(target, `warning: ${event.message}`)
    if (event.type === 'still-waiting') tellOperator(target, describeWaiting(event.steps, isOwnCall(lifecycle.state)))
    if (event.type === 'state-changed' && event.state.name === 'ready') uncaught.onReady()
    if (event.type === 'stop-begun') uncaught.onStopBegun()
    if (event.type === 'stopped') ending.onStopped(event.report)
  })
  if (otherRuntime !== undefined) lifecycle.warn(otherRuntime)
  const witness = createWitness(lifecycle, {
    clock,
    signals,
    watchdog: binding.watchdog && otherRuntime === undefined,
    terminationMessage: binding.terminationMessage,
    progresses: bindings.progresses,
    onSignalSeen: (signal, agoMs) => stopSignals.onSignalSeen(signal, agoMs),
  })
  const leftBehind = isReal && runner === undefined ? lookForLeftBehind(() => lifecycle.stopping.aborted) : undefined
  // What another lifecycle's service does is that one's.
  const doubt = (): string[] => (bindings.alive.size === 1 ? (leftBehind?.look() ?? []) : [])
  doubtersOf(lifecycle)?.add(doubt)
  const uncaught = handleUncaughtErrors(lifecycle, target, listening, bindings, onUncaught)
  const ending = createEnding({ lifecycle, binding, bindings, witness, runner, isBound: () => isBound, unbind })

  const others = handleOtherListeners({ lifecycle, binding, bindings, onUncaught, runner })
  if (lifecycle.stopping.aborted) uncaught.onStopBegun()

  for (const signal of signals) {
    // Before those of others, which may end the process in the same tick.
    listening.first(signal, () => {
      others.look()
      stopSignals.onSignal(signal)
    })
  }
  listening.on('beforeExit', () => void lifecycle.stop(loopWasEmpty))
  listening.on('exit', (code) => noticeExit(code, lifecycle, witness.progress, bindings, target))
  // Only there: a listener for messages keeps the process alive as long as its parent.
  const underPm2 = isReal ? isStartedByPm2(systemProc()) : target.env['pm_id'] !== undefined
  if (underPm2 && 'send' in target) listening.on('message', onMessage)
  // The reader of a pipe may be gone. As an uncaught error that would be printed, and fail, for ever.
  const ignore = (): void => {}
  for (const stream of [target.stdout, target.stderr]) stream.on('error', ignore)
  const early = takeEarlySignal(target) ?? bindings.signal
  if (early) stopSignals.onSignal(early.signal, clock.now() - early.at)

  return { ready, unbind }

  async function ready(): Promise<void> {
    // A signal that came while modules loaded is delivered when the event loop polls; the first turn may be past that.
    for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    try {
      await lifecycle.start()
    } catch (error) {
      if (!lifecycle.stopping.aborted || runner !== undefined) throw error
      // The stop that follows ends the process; nobody should go on as if the service were ready.
      await new Promise<never>(() => {})
    }
    const wrapper = isReal && runner === undefined ? findLossyWrapper(systemProc(), lifecycle.policy.graceMs, signals) : undefined
    if (wrapper !== undefined) lifecycle.warn(wrapper)
    if (isReal && runner === undefined) for (const warning of unflushedSdks(bindings.alive, others.adopted())) lifecycle.warn(warning)
    others.onReady()
    // The parent may have gone: then there is nobody to tell, and nothing wrong.
    if (underPm2 && target.connected === true) target.send?.('ready', undefined, undefined, () => {})
  }

  function unbind(): void {
    if (!isBound) return
    isBound = false
    unsubscribe()
    doubtersOf(lifecycle)?.delete(doubt)
    leftBehind?.close()
    others.close()
    witness.close()
    bindings.alive.delete(lifecycle)
    // Its own end ends nothing any more.
    bindings.reports.delete(lifecycle)
    listening.close()
    for (const stream of [target.stdout, target.stderr]) stream.removeListener('error', ignore)
    if (bindings.alive.size > 0) return
    if (bindings.reports.size > 0) ending.endForOthers()
    bindings.signal = undefined
  }

  function onMessage(message: unknown): void {
    if (message === 'shutdown') void lifecycle.stop({ kind: 'message', message })
  }
}

/** Of `stop()`, and not of a signal, nor of a loop that was empty. */
function isOwnCall(state: State): boolean {
  return 'reason' in state && state.reason.kind === 'programmatic' && state.reason !== loopWasEmpty
}
