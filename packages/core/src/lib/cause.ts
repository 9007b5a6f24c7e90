import { LifecycleError, show } from './errors.ts'

/**
 * What made the platform end the service, as far as somebody could find out; the signal itself does not tell.
 * `node-or-in-place`: the platform's record shows no deletion, so it was a failed liveness probe, an in-place restart, or the node itself.
 */
export interface Cause {
  readonly kind: 'deletion' | 'eviction' | 'taint' | 'preemption' | 'node-or-in-place' | 'unknown'
  /** One short text for people. */
  readonly detail: string
}

const kinds: readonly Cause['kind'][] = ['deletion', 'eviction', 'taint', 'preemption', 'node-or-in-place', 'unknown']

/** @throws LifecycleError `invalid-option` for anything else. */
export function requireCause(cause: Cause): Cause {
  if (typeof cause === 'object' && cause !== null && kinds.includes(cause.kind)) return cause
  throw new LifecycleError('invalid-option', `attribute() takes { kind, detail } with a kind of ${kinds.join(', ')}; it was given ${show(cause)}`)
}
