import type { Server } from 'node:net'
import { turn } from './turn.ts'

/** What a turn of the loop counts for, at most: where a handler blocks it for longer, those who wait have had no more of it. */
const longestTurnMs = 10

export interface AcceptLimits {
  /** After so much time in which the loop was free, in ms. */
  readonly freeMs: number
  /** After so much time altogether, in ms. */
  readonly limitMs: number
}

/**
 * Lets the server accept what the kernel has accepted for it already: closing the listener resets those connections
 * (100 of 100 in the measurement behind this). libuv takes one connection per turn of the loop, so a fixed
 * pause does not do it; two turns in a row without a connection do. Under endless new connections it ends by the limits.
 */
export async function emptyAcceptQueue(server: Server, { freeMs, limitMs }: AcceptLimits, signal: AbortSignal): Promise<void> {
  const until = performance.now() + limitMs
  let spentMs = 0
  let accepted = 0
  const count = (): void => {
    accepted += 1
  }
  server.on('connection', count)
  try {
    // The first may come right after a poll that had begun before, and proves nothing.
    await turn()
    for (let quiet = 0; quiet < 2 && spentMs < freeMs && performance.now() < until && !signal.aborted; ) {
      const before = accepted
      const begunAt = performance.now()
      await turn()
      spentMs += Math.min(performance.now() - begunAt, longestTurnMs)
      quiet = accepted === before ? quiet + 1 : 0
    }
  } finally {
    server.off('connection', count)
  }
}
