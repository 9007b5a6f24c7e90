import { loopWasEmpty, type Reason } from '../reason.ts'
import { sourceOf } from './describe-listener.ts'
import { knownListener } from './known-listeners.ts'
import type { OtherListener } from './other-listeners.ts'

/**
 * Which of the adopted listeners run in a stop, each with the signal that it was added for: those of the signal that came. Where none came (an
 * uncaught error, a message of pm2, `lifecycle.stop()`), those of the first signal that has any, as if somebody had sent it; not those of
 * several, which do the same twice. In addition those that flush an SDK.
 *
 * None where the event loop was empty: nobody has asked for a stop, and a listener that calls that a failure is wrong.
 *
 * @param signals that begin a stop, the usual one first
 * @param came the signal that began it
 */
export function dueListeners<T extends OtherListener>(there: readonly T[], reason: Reason, signals: readonly string[], came: string | undefined): T[] {
  if (reason === loopWasEmpty && came === undefined) return []
  const signal = came ?? signals.find((each) => there.some(({ event }) => event === each))
  const due = there.filter(({ event }) => event === signal)
  for (const other of there) {
    const isNew = !due.some(({ listener }) => listener === other.listener)
    if (isNew && knownListener(sourceOf(other.listener))?.flushes) due.push(other)
  }
  return due
}
