import type { Tally, Tallying } from '@lameduck/core'
import type { Position } from './consumer-client.ts'
import { isBehind, type Rewinds } from './rewinds.ts'
import type { Uncommitted } from './uncommitted.ts'

/**
 * What became of what a consumer had in hand, in handlers and commits by hand.
 *
 * A handler is done when it has returned and its message, or batch, does not come again. One whose message comes again, since it failed or
 * sought back, or with automatic commits paused its partition or left its batch, has lost nothing and done nothing: it is counted nowhere, and
 * named among the reasons. Without automatic commits its return is all that is known of it, and its commits are counted by themselves.
 */
export interface ConsumerTally {
  readonly begin: () => void
  /**
   * A handler has done what it had in hand of this partition, up to this offset. It counts as done as soon as nothing of the partition waits
   * for its commit, unless the partition is to go on before that offset.
   */
  handled(topic: string, partition: number, offset: string): void
  /** The partition is to go on from here: what was handled behind it comes again. */
  rewound(position: Position): void
  /** For the report: what is no loss, and yet is not done. */
  readonly note: (text: string) => void
  /** Of what else an answer is missing. */
  readonly failed: (what: string, error: unknown) => void
  /** The drain is over: what waits for its commit now has failed. Returns whether there is any. */
  end(): boolean
  /** So many handlers are cut, and with them what waits for its commit. Once: later calls change nothing. */
  cut(handlers: number): void
  /** So many handlers are left over when the group is let go: what they do is never committed. What waits for its commit is for `end`. */
  letGo(handlers: number): void
  readonly read: () => Tally
}

interface Handled {
  readonly topic: string
  readonly partition: number
  offsets: string[]
}

/** @param counts of the commits by hand */
export function createConsumerTally(counts: Tallying, uncommitted: Uncommitted, rewinds: Rewinds): ConsumerTally {
  const handled = new Map<string, Handled>()
  const notes = new Set<string>()
  let counting = false
  let isCut = false

  function take(isWaiting: boolean): number {
    let sum = 0
    for (const [key, { topic, partition, offsets }] of handled) {
      if (uncommitted.isWaiting(topic, partition) !== isWaiting) continue
      sum += offsets.length
      handled.delete(key)
    }
    return sum
  }

  return {
    begin() {
      counting = true
      counts.begin()
    },
    handled(topic, partition, offset) {
      // A handler that was cut goes on, and its message is for others.
      if (!counting || isCut || rewinds.comesAgain(topic, partition, offset)) return
      const key = `${topic}/${partition}`
      const found = handled.get(key)
      if (found) found.offsets.push(offset)
      else handled.set(key, { topic, partition, offsets: [offset] })
    },
    rewound(position) {
      const found = handled.get(`${position.topic}/${position.partition}`)
      if (found) found.offsets = found.offsets.filter((offset) => !isBehind(position, offset))
    },
    note: (text) => void (counting && notes.add(text)),
    failed: counts.failed,
    end() {
      counts.done(take(false))
      const missing = uncommitted.waitingFor()
      // One at least for each, also where its handlers had ended before the signal.
      const units = Math.max(take(true), missing.length)
      for (let unit = 0; unit < units; unit++) counts.failed(missing[unit] ?? String(missing.at(-1)), new Error('the broker did not confirm it'))
      return missing.length > 0
    },
    cut(handlers) {
      if (isCut) return
      isCut = true
      uncommitted.close()
      counts.done(take(false))
      counts.cut(handlers + take(true))
    },
    letGo(handlers) {
      if (isCut) return
      isCut = true
      uncommitted.close()
      counts.cut(handlers)
    },
    read() {
      const { reasons, ...all } = counts.read()
      let done = 0
      for (const { topic, partition, offsets } of handled.values()) if (!uncommitted.isWaiting(topic, partition)) done += offsets.length
      return { ...all, done: all.done + done, reasons: [...reasons, ...notes] }
    },
  }
}
