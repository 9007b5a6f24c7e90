import { untilIdle, type InHand } from '@lameduck/core'

/** Goodbyes that wait for what messages have begun. */
export interface HeldGoodbyes {
  /** They may be said: the work is idle, or its time is over. Never rejects. */
  readonly over: Promise<void>
  /** Something is in hand. */
  isAtWork(): boolean
  /** A client takes no answers from now on. @param isWaiting and its last message has none */
  clientGone(isWaiting: boolean): void
}

export interface HoldInput {
  /** In ms. */
  readonly longestMs: number
  readonly signal: AbortSignal
  readonly onError: (error: Error) => void
  /** Told how many units of the work will answer nobody. */
  readonly onUnanswered: (units: number) => void
}

/**
 * Nobody can tell which client a unit of the work would have answered. So all is in doubt that was not waited for to its end, and is in hand when the
 * first client is gone. Later work is in doubt by the clients that wait for its answer.
 */
export function holdForWork(work: InHand, { longestMs, signal, onError, onUnanswered }: HoldInput): HeldGoodbyes {
  const waiting = AbortSignal.any([signal, AbortSignal.timeout(Math.min(Math.ceil(longestMs), 2 ** 31 - 1))])
  let overAt: number | undefined
  let hasFailed = false
  let counted: number | undefined
  let waitingClients = 0

  function fail(error: unknown): 0 {
    if (!hasFailed) onError(new Error(`upgradedWork cannot say what it has in hand: ${error instanceof Error ? error.message : String(error)}`, { cause: error }))
    hasFailed = true
    return 0
  }

  function ask(what: () => number): number {
    try {
      return what()
    } catch (error) {
      return fail(error)
    }
  }

  async function wait(): Promise<void> {
    try {
      await untilIdle(work, waiting)
    } catch (error) {
      if (!waiting.aborted) fail(error)
    }
    overAt = performance.now()
  }

  return {
    over: wait(),
    isAtWork: () => ask(work.count) > 0,
    clientGone(isWaiting) {
      if (signal.aborted) return
      const before = counted ?? 0
      counted ??= ask(() => work.begunBefore(overAt ?? 0))
      if (isWaiting) waitingClients += 1
      counted = Math.max(counted, waitingClients)
      if (counted > before) onUnanswered(counted - before)
    },
  }
}
