import { untilIdle, type InHand } from '@lameduck/core'

/** The messages of one client on one connection of a protocol that has no word for "go elsewhere". */
export interface Conversation {
  /** A message begins; returns what is to be called when it has ended. */
  readonly begin: () => () => void
  /** From when on messages are refused, for their answers could not be sent. */
  readonly isOver: boolean
  /** Resolves at the moment at which least is lost when the connection ends. Nothing is in hand then. */
  end(signal: AbortSignal): Promise<void>
}

/** A client that has asked within this time will ask again; its connection is best ended behind that answer. */
const recentMs = 250

/**
 * Where the other side cannot be told to go, a message may cross the end of the connection. It does so least when the connection ends right behind an
 * answer, while its client is still thinking about it; and rarely when the client has said nothing for long.
 */
export function conversation(): Conversation {
  const begun = new Set<{ readonly at: number }>()
  let lastAt = -Infinity
  let onAnswered: (() => void) | undefined
  let isOver = false

  function begin(): () => void {
    const message = { at: performance.now() }
    lastAt = message.at
    begun.add(message)
    return () => {
      if (begun.delete(message) && begun.size === 0) onAnswered?.()
    }
  }

  /** The check phase that follows has seen the answer written, and no further message read. */
  function behindAnswer(): Promise<void> {
    return new Promise((resolve) => {
      onAnswered = () => void setImmediate(() => begun.size === 0 && resolve())
    })
  }

  async function end(signal: AbortSignal): Promise<void> {
    const found = new AbortController()
    const isAwaited = (): boolean => performance.now() - lastAt < recentMs
    const quiet = untilIdle({ ...inHand, count: () => begun.size + (isAwaited() ? 1 : 0) }, AbortSignal.any([signal, found.signal]))
    await Promise.race([behindAnswer(), quiet])
    isOver = true
    found.abort()
    quiet.catch(() => {})
    // Of its own, for Node warns of many listeners on one signal.
    if (begun.size > 0) await untilIdle(inHand, AbortSignal.any([signal]))
  }

  const inHand: InHand = {
    count: () => begun.size,
    begunBefore: (moment) => [...begun].filter(({ at }) => at < moment).length,
  }

  return {
    begin,
    get isOver() {
      return isOver
    },
    end,
  }
}
