import type { Clock } from '../clock.ts'
import type { EarlySignal } from './early-signals.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Bindings } from './process-bindings.ts'
import type { ProcessLike } from './process-like.ts'

/** A wrapper that forwards Ctrl-C, beside the terminal that signals the whole group, delivers it twice within milliseconds. */
const impatienceMs = 500

export interface Signals {
  /** @param agoMs when it came, where that was before it could be handled */
  onSignal(signal: NodeJS.Signals, agoMs?: number): void
  /** The watchdog saw a signal while the event loop was blocked. Our own listener hears of it a moment earlier or later. */
  onSignalSeen(signal: NodeJS.Signals, agoMs: number): void
}

/** Begins the stop on a signal, and counts its time from when the signal came. */
export function handleSignals(lifecycle: Lifecycle, target: ProcessLike, clock: Clock, bindings: Bindings): Signals {
  let interruptedAt: number | undefined
  /** The signal that began the stop, and when it came. */
  let begunBy: EarlySignal | undefined
  return { onSignal, onSignalSeen }

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

  function onSignalSeen(signal: NodeJS.Signals, agoMs: number): void {
    const cameAt = clock.now() - agoMs
    if (!lifecycle.stopping.aborted) return onSignal(signal, agoMs)
    if (begunBy?.signal !== signal || cameAt >= begunBy.at || !('deadline' in lifecycle.state)) return
    const lateMs = begunBy.at - cameAt
    begunBy = { signal, at: cameAt }
    const leftMs = Math.max(0, lifecycle.state.deadline - clock.now() - lateMs)
    lifecycle.shrinkTo(leftMs, `${lifecycle.policy.graceFrom}, counted from ${signal}, which came ${Math.round(lateMs)} ms before it could be handled`)
  }
}
