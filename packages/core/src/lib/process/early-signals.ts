import { constants } from 'node:os'
import { systemClock, type Clock } from '../clock.ts'
import { exit } from './exit.ts'
import type { ProcessLike } from './process-like.ts'

/** A signal that came before anybody was bound to the process. */
export interface EarlySignal {
  readonly signal: NodeJS.Signals
  /** Monotonic ms. */
  readonly at: number
}

interface Caught {
  first: EarlySignal | undefined
  /** Takes the listeners away. */
  release(): void
}

/** On the process and not in this module: the preload may be another copy than the one that a bundle holds. */
const key = Symbol.for('lameduck.early-signals')

/**
 * How long a signal waits for `bindProcess`, in ms. Until then nothing is known that could be drained; long enough for a
 * start that is under way to bind, short enough for a start that hangs.
 */
const waitMs = 5_000

/**
 * Remembers SIGTERM and SIGINT until `bindProcess` takes over, which then stops at once. When nobody does within 5 s of the
 * signal, and nobody else listens to it, the process ends with 128 + the signal's number, as it would have done by itself. Calling it
 * twice changes nothing.
 */
export function catchEarlySignals(target: ProcessLike = process, clock: Clock = systemClock): void {
  const holder = target as { [key]?: Caught }
  if (holder[key]) return
  const listeners = (['SIGTERM', 'SIGINT'] as const).map((signal) => [signal, () => onSignal(signal)] as const)
  const caught: Caught = {
    first: undefined,
    release: () => listeners.forEach(([signal, listener]) => target.off(signal, listener)),
  }
  holder[key] = caught
  for (const [signal, listener] of listeners) target.on(signal, listener)

  function onSignal(signal: NodeJS.Signals): void {
    caught.first ??= { signal, at: clock.now() }
    const giveUp = (): void => {
      // A child process that inherited the preload may drain in its own way.
      const isAlone = target.listeners(signal).length <= 1
      if (holder[key] === caught && isAlone) void exit(target, 128 + constants.signals[signal], { flushMs: 100, withinMs: 100, clock })
    }
    clock.setTimer(giveUp, waitMs, true)
  }
}

/** Hands over to the caller, whose own listeners must be in place by now. */
export function takeEarlySignal(target: ProcessLike): EarlySignal | undefined {
  const holder = target as { [key]?: Caught }
  const caught = holder[key]
  if (!caught) return undefined
  caught.release()
  delete holder[key]
  return caught.first
}
