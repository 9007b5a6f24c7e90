import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'

export interface Readiness {
  readonly isReady: boolean
  /** Why it is held not-ready, in the order in which that was asked for. */
  readonly heldBecause: readonly string[]
  /** Not-ready until the returned function is called. */
  hold(why: string): () => void
  /** The platform has announced the end; see `Lifecycle.preStop`. */
  preStop(): void
  /** Ms since `preStop` was called, where it was. */
  preStopElapsedMs(): number | undefined
}

export interface ReadinessInput {
  readonly clock: Clock
  readonly events: Events
  /** After this long without a stop, an announced end was none. */
  readonly graceMs: number
  /** Started, and no stop has begun: a latch outside of this. */
  readonly isUp: () => boolean
}

/** Readiness while the service is up: reversible, and never more than that. */
export function createReadiness({ clock, events, graceMs, isUp }: ReadinessInput): Readiness {
  const holds = new Map<symbol, string>()
  let announcedAt: number | undefined

  const readiness: Readiness = {
    get isReady() {
      return isUp() && holds.size === 0
    },
    get heldBecause() {
      return [...holds.values()]
    },
    hold,
    preStop() {
      // The platform repeats a hook when it has restarted itself; the first call began the grace period.
      if (announcedAt !== undefined || !isUp()) return
      announcedAt = clock.now()
      const release = hold('preStop')
      const revert = (): void => {
        if (!isUp()) return
        announcedAt = undefined
        release()
      }
      clock.setTimer(revert, graceMs, true)
    },
    preStopElapsedMs: () => (announcedAt === undefined ? undefined : clock.now() - announcedAt),
  }
  return readiness

  function hold(why: string): () => void {
    const key = Symbol(why)
    const before = readiness.isReady
    holds.set(key, why)
    if (before) events.emit({ type: 'readiness-changed', ready: false, why })
    return () => {
      if (holds.delete(key) && readiness.isReady) events.emit({ type: 'readiness-changed', ready: true, why: `over: ${why}` })
    }
  }
}
