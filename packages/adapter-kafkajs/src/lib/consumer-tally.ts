import type { Tally, Tallying } from '@lameduck/core'
import type { Uncommitted } from './uncommitted.ts'

/** What became of what a consumer had in hand, in handlers and commits by hand. */
export interface ConsumerTally {
  readonly begin: () => void
  /** A handler has done what it had in hand of this partition. It counts as done as soon as nothing of the partition waits for its commit. */
  handled(topic: string, partition: number): void
  /** For the report: what is no loss, and yet is not done. */
  readonly note: (text: string) => void
  /** Of what else an answer is missing. */
  readonly failed: (what: string, error: unknown) => void
  /** The drain is over: what waits for its commit now has failed. Returns whether there is any. */
  end(): boolean
  /** So many handlers are cut, and with them what waits for its commit. Once: later calls change nothing. */
  cut(handlers: number): void
  readonly read: () => Tally
}

interface Handled {
  readonly topic: string
  readonly partition: number
  count: number
}

/** @param counts of the commits by hand */
export function createConsumerTally(counts: Tallying, uncommitted: Uncommitted): ConsumerTally {
  const handled = new Map<string, Handled>()
  const notes = new Set<string>()
  let counting = false
  let isCut = false

  function take(isWaiting: boolean): number {
    let sum = 0
    for (const [key, { topic, partition, count }] of handled) {
      if (uncommitted.isWaiting(topic, partition) !== isWaiting) continue
      sum += count
      handled.delete(key)
    }
    return sum
  }

  return {
    begin() {
      counting = true
      counts.begin()
    },
    handled(topic, partition) {
      // A handler that was cut goes on, and its message is for others.
      if (!counting || isCut) return
      const key = `${topic}/${partition}`
      const found = handled.get(key)
      if (found) found.count++
      else handled.set(key, { topic, partition, count: 1 })
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
      counts.done(take(false))
      counts.cut(handlers + take(true))
    },
    read() {
      const { reasons, ...all } = counts.read()
      let done = 0
      for (const { topic, partition, count } of handled.values()) if (!uncommitted.isWaiting(topic, partition)) done += count
      return { ...all, done: all.done + done, reasons: [...reasons, ...notes] }
    },
  }
}
