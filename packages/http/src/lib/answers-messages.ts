import { recentMs } from '@lameduck/core'
import type { Upgrade } from './connection.ts'
import { hasBeenSent } from './unanswered-message.ts'

/** For so long clients must have been left without an answer, in ms: most answers take less. */
const silentMs = 5_000

/** So many messages must have come on such WebSockets. */
const fewestMessages = 50

/**
 * Whether a server may answer the messages of its WebSockets, so that it is worth waiting for an answer. It is not where many messages have come to
 * clients that were sent nothing for long, and in the last 30 s nobody has been answered: telemetry.
 */
export function answersMessages(upgrades: readonly Upgrade[], now: number = performance.now()): boolean {
  let silent = 0
  for (const { lastMessage: last } of upgrades) {
    if (!last) continue
    const answeredAt = hasBeenSent(last) ? last.at : last.answeredAt
    if (now - answeredAt < recentMs) return true
    if (now - last.silentSince >= silentMs) silent += last.silent
  }
  return silent < fewestMessages
}
