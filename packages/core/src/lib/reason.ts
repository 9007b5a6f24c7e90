import { LifecycleError, requireMs, show } from './errors.ts'
import { describeValue } from './describe-value.ts'

/**
 * Why the service stops. `interactive`: Ctrl-C on a terminal, which does not wait for clients;
 * `agoMs`: how long before it could be handled the signal came, which the platform counts from; `message`: from a parent
 * process over IPC; `fatal`: an uncaught error or a failed start, which has a short budget, an exit code of its own, and is never clean.
 */
export type Reason =
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals; readonly interactive: boolean; readonly agoMs?: number }
  | { readonly kind: 'message'; readonly message: string }
  | { readonly kind: 'fatal'; readonly origin: 'uncaughtException' | 'unhandledRejection' | 'start'; readonly error: unknown }
  | { readonly kind: 'programmatic'; readonly detail?: string }

/** The end of a program that has nothing left to do. */
export const loopWasEmpty: Reason = { kind: 'programmatic', detail: 'the event loop was empty' }

const kinds: readonly Reason['kind'][] = ['signal', 'message', 'fatal', 'programmatic']

/** @throws LifecycleError `invalid-option` for anything else, such as the arguments of a signal's listener. */
export function requireReason(reason: Reason): void {
  if (typeof reason === 'object' && reason !== null && kinds.includes(reason.kind) && textsOf(reason).every((text) => typeof text === 'string')) {
    if (reason.kind === 'signal' && reason.agoMs !== undefined) requireMs(reason.agoMs, 'agoMs of a reason')
    return
  }
  throw new LifecycleError('invalid-option', `stop() takes nothing, or a reason such as { kind: 'programmatic', detail: 'why' }; it was given ${show(reason)}`)
}

function textsOf(reason: Reason): readonly unknown[] {
  if (reason.kind === 'signal') return [reason.signal]
  if (reason.kind === 'message') return [reason.message]
  return reason.kind === 'programmatic' && reason.detail !== undefined ? [reason.detail] : []
}

/** One short text for logs: `SIGTERM`, `uncaughtException: connect ECONNREFUSED`. */
export function describeReason(reason: Reason): string {
  switch (reason.kind) {
    case 'signal':
      return reason.signal
    case 'message':
      return `the message ${JSON.stringify(describeValue(reason.message))}`
    case 'fatal':
      return `${reason.origin === 'start' ? 'a failed start' : reason.origin}: ${describeValue(reason.error)}`
    case 'programmatic':
      return reason.detail === undefined ? 'stop() was called' : describeValue(reason.detail)
  }
}

/** Only a stop that somebody planned has clients to lead elsewhere; a person at a terminal and a crash do not wait. */
export function hasLameDuck(reason: Reason): boolean {
  return reason.kind !== 'fatal' && !isInteractive(reason)
}

/** Only the platform's own signal comes after a preStop hook. */
export function followsPreStop(reason: Reason): boolean {
  return reason.kind === 'signal' && !reason.interactive
}

function isInteractive(reason: Reason): boolean {
  return reason.kind === 'signal' && reason.interactive
}
