import type { Lifecycle } from '@lameduck/core'

/** What a probe says; `body` is text for people, the status is what kubelet and balancers read. */
export interface ProbeAnswer {
  readonly status: 200 | 404 | 405 | 503
  readonly body: string
}

/**
 * Alive: always, whatever the state. A service that drains is not dead, and a liveness probe that fails during a
 * drain (or because a database is away) gets it killed before it has finished.
 */
export function livez(lifecycle: Pick<Lifecycle, 'state'>): ProbeAnswer {
  return { status: 200, body: `alive: ${lifecycle.state.name}\n` }
}

/** Started: 503 until the start is over, then 200 for good. */
export function startupz(lifecycle: Pick<Lifecycle, 'state'>): ProbeAnswer {
  const { name } = lifecycle.state
  return name === 'starting' ? { status: 503, body: 'not started: starting\n' } : { status: 200, body: `started: ${name}\n` }
}
