import { constants } from 'node:os'
import { LifecycleError, show } from '../errors.ts'

/** @throws LifecycleError `invalid-option` for what is not a signal, or cannot be caught. */
export function validSignals(signals: readonly NodeJS.Signals[]): readonly NodeJS.Signals[] {
  for (const signal of signals) {
    if (!(signal in constants.signals) || signal === 'SIGKILL' || signal === 'SIGSTOP') {
      throw new LifecycleError('invalid-option', `signals must name signals that a process can catch; one is ${show(signal)}`)
    }
  }
  return signals
}
