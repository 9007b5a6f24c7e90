import { lifecycleErrorIn, type LifecycleError, type Tallying } from '@lameduck/core'

/** The loop that reads from a client, as one unit of work. */
export interface ReadLoop {
  /** 1 until it has ended. */
  readonly count: () => number
  /** Whether it is still with what it read before `watch`, for it has not asked for more since. */
  readonly isBusy: () => boolean
  /** From now on its end is counted. Later calls change nothing. */
  readonly begin: () => void
  /** From now on it is watched for its next read. */
  readonly watch: () => void
  /** It has asked for more, and was refused with this error, if any. */
  readonly asked: (refused?: LifecycleError) => void
  /** Its read ends with this error, at which it has nothing in hand: a loop that fails with it has failed for nothing. */
  readonly ended: (error: LifecycleError) => void
  readonly cut: () => void
}

/** @param loop none where nobody handed one over: then it has ended */
export function followLoop(loop: Promise<unknown> | undefined, tally: Tallying): ReadLoop {
  const ofReads = new WeakSet<LifecycleError>()
  let hasBegun = false
  let hasAsked = false
  let isOver = loop === undefined
  return {
    count: () => (isOver ? 0 : 1),
    isBusy: () => !isOver && !hasAsked,
    begin() {
      if (hasBegun) return
      hasBegun = true
      loop?.then(
        () => end(() => tally.done()),
        (error: unknown) => end(() => (isOfRead(error) ? tally.done() : tally.failed('the loop', error))),
      )
    },
    watch: () => void (hasAsked = false),
    asked(refused) {
      hasAsked = true
      if (refused) ofReads.add(refused)
    },
    ended: (error) => void ofReads.add(error),
    cut: () => end(() => tally.cut()),
  }

  /** Once: a loop that was cut goes on, and nobody waits for it. */
  function end(count: () => void): void {
    if (isOver) return
    isOver = true
    count()
  }

  function isOfRead(error: unknown): boolean {
    const told = lifecycleErrorIn(error)
    return told !== undefined && ofReads.has(told)
  }
}
