import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'

export interface Readiness {
  readonly isReady: boolean
  /** Why it is held not-ready, in the order in which that was asked for. */
  readonly heldBecause: readonly string[]
  /** Not-ready until the returned function is called. */
  hold(why: string): () => void
  /** The platform has announced the end; see `Lifecycle.preStop`. */
  preStop(): () => void
  /** Ms since `preStop` was called, where it was and the signal may still follow. */
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

interface Announcement {
  /** Monotonic ms. */
  readonly at: number
  /** Hooks that have not been answered. */
  calls: number
  /** When the last of them was, in monotonic ms; `Infinity` before. */
  answeredAt: number
  readonly cancel: () => void
  readonly withdraw: () => void
}

/** A hook that overruns is given up by kubelet when the grace period is over, and only then the signal comes; in ms after that. */
const slackMs = 5_000

/** How long after the hook's answer the signal may come, in ms: kubelet sends it at once. */
const followsWithinMs = 5_000

/** Readiness while the service is up: reversible, and never more than that. */
export function createReadiness({ clock, events, graceMs, onPreStop, isUp, isStopping }: ReadinessInput): Readiness {
  const holds = new Map<symbol, string>()
  let announced: Announcement | undefined
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
      if (isStopping()) return () => {}
      // The platform repeats a hook when it has restarted itself; the first call began the grace period.
      return callOf(announced ?? announce())
    },
    preStopElapsedMs() {
      if (!announced || clock.now() > announced.answeredAt + followsWithinMs) return undefined
      return clock.now() - announced.at
    },
    tell,
  }
  return readiness

  function announce(): Announcement {
    let release = (): void => {}
    const withdraw = (): void => {
      if (isStopping() || announced !== announcement) return
      announced = undefined
      announcement.cancel()
      onPreStop(false)
      release()
    }
    const announcement: Announcement = { at: clock.now(), calls: 0, answeredAt: Infinity, cancel: clock.setTimer(withdraw, graceMs + slackMs, true), withdraw }
    // Before anybody hears of it, and calls back.
    announced = announcement
    onPreStop(true)
    release = readiness.hold('preStop')
    return announcement
  }

  /** Returns what tells that this call has been answered. With the last of them the signal is due. */
  function callOf(announcement: Announcement): () => void {
    let isOpen = true
    announcement.calls += 1
    announcement.answeredAt = Infinity
    return () => {
      if (!isOpen) return
      isOpen = false
      announcement.calls -= 1
      if (announcement.calls > 0) return
      const answeredAt = clock.now()
      announcement.answeredAt = answeredAt
      clock.setTimer(() => announcement.answeredAt === answeredAt && announcement.withdraw(), followsWithinMs, true)
    }
  }

  function tell(why: string): void {
    const ready = readiness.isReady
    if (ready === told) return
    told = ready
    events.emit({ type: 'readiness-changed', ready, why })
  }
}
