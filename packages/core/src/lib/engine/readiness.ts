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
  /** Emits an event if it has changed. */
  tell(why: string): void
}

export interface ReadinessInput {
  readonly clock: Clock
  readonly events: Events
  readonly graceMs: number
  /** The platform has announced the end, or the announcement is over without one. */
  readonly onPreStop: (announced: boolean) => void
  /** Started, and no stop has begun. */
  readonly isUp: () => boolean
  /** A stop has begun: a latch outside of this. */
  readonly isStopping: () => boolean
}

/** A hook that overruns is given up by kubelet when the grace period is over, and only then the signal comes; in ms after that. */
const slackMs = 5_000

/** Readiness while the service is up: reversible, and never more than that. */
export function createReadiness({ clock, events, graceMs, onPreStop, isUp, isStopping }: ReadinessInput): Readiness {
  const holds = new Map<symbol, string>()
  let announcedAt: number | undefined
  let told = false

  const readiness: Readiness = {
    get isReady() {
      return isUp() && holds.size === 0
    },
    get heldBecause() {
      return [...holds.values()]
    },
    hold(why) {
      const key = Symbol(why)
      holds.set(key, why)
      tell(why)
      return () => {
        if (holds.delete(key)) tell(`over: ${why}`)
      }
    },
    preStop() {
      // The platform repeats a hook when it has restarted itself; the first call began the grace period.
      if (announcedAt !== undefined || isStopping()) return
      announcedAt = clock.now()
      onPreStop(true)
      const release = readiness.hold('preStop')
      const revert = (): void => {
        if (isStopping()) return
        announcedAt = undefined
        onPreStop(false)
        release()
      }
      clock.setTimer(revert, graceMs + slackMs, true)
    },
    preStopElapsedMs: () => (announcedAt === undefined ? undefined : clock.now() - announcedAt),
    tell,
  }
  return readiness

  function tell(why: string): void {
    const ready = readiness.isReady
    if (ready === told) return
    told = ready
    events.emit({ type: 'readiness-changed', ready, why })
  }
}
