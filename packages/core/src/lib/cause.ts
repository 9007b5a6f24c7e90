/**
 * What made the platform end the service, as far as somebody could find out; the signal itself does not tell.
 * `node-or-in-place`: the platform's record shows no deletion, so it was a failed liveness probe, an in-place restart, or the node itself.
 */
export interface Cause {
  readonly kind: 'deletion' | 'eviction' | 'taint' | 'preemption' | 'node-or-in-place' | 'unknown'
  /** One short text for people. */
  readonly detail: string
}
