import process from 'node:process'

/** What `enableShutdownHooks()` listens to without arguments, in Nest 11 and 12. */
const signals: readonly NodeJS.Signals[] = [
  'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV', 'SIGUSR2', 'SIGTERM',
]

/**
 * Removes the signal listeners of `enableShutdownHooks()`, which would destroy modules in the tick of the signal, under the
 * requests in flight, and then send the signal once more.
 *
 * `unsubscribeFromProcessSignals` is protected, but the only way to them, and the same in Nest 10 to 12.
 *
 * @returns the signals that were taken over
 */
export function takeOverSignals(app: object): readonly NodeJS.Signals[] {
  const { unsubscribeFromProcessSignals } = app as { unsubscribeFromProcessSignals?: () => void }
  if (typeof unsubscribeFromProcessSignals !== 'function') return []
  const before = signals.map((signal) => process.listenerCount(signal))
  unsubscribeFromProcessSignals.call(app)
  return signals.filter((signal, index) => process.listenerCount(signal) < (before[index] ?? 0))
}
