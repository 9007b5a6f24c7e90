import type { Tracker } from '@lameduck/core'
import { cutGroups } from './cut-groups.ts'

/** The subset of kafkajs' `Transaction` that is needed. */
export interface KafkaTransaction {
  send(record: never): Promise<unknown>
  sendBatch(batch: never): Promise<unknown>
  sendOffsets(offsets: never): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
}

export interface Transactions {
  /** For `producer.transaction`. */
  readonly begin: () => Promise<KafkaTransaction>
  /** Lets what is under way in each open transaction end, then aborts it. Gives up after `withinMs`, and rejects what is left with `error`. */
  abortAll(error: Error, withinMs: number): Promise<void> | undefined
  /** One text for each whose commit or abort failed, until the broker has aborted it for good: kafkajs can then do neither any more. */
  readonly unended: () => readonly string[]
}

interface Open {
  readonly endNow: () => Promise<void>
  /** Refuses what comes from now on. */
  readonly refuse: (error: Error) => void
  /** Rejects what is under way. */
  readonly reject: (error: Error) => void
}

/**
 * A transaction is in flight from its beginning until it is committed or aborted.
 *
 * One that is still open at a cut is aborted: kafkajs' `disconnect()` does not, and readers that see committed messages only
 * (the default) would get nothing more from its partitions until the broker aborts it, after its `transactionTimeout`.
 */
export function trackTransactions(beginPlain: () => Promise<KafkaTransaction>, tracker: Tracker, timeoutMs: number): Transactions {
  const open = new Set<Open>()
  /** Whose commit or abort has failed, and until when the broker may keep them open. */
  const unended = new Map<Open, number>()
  const what = (): string => `an open transaction (unless the broker takes its abort at a cut, readers wait up to ${timeoutMs / 1_000} s)`

  const begin = (): Promise<KafkaTransaction> =>
    tracker.track(
      () => 'the begin of a transaction',
      async () => follow(await beginPlain(), tracker.begin(what)),
    )

  function follow(plain: KafkaTransaction, end: (error?: unknown) => void): KafkaTransaction {
    const commit = plain.commit.bind(plain)
    const abort = plain.abort.bind(plain)
    const sendOffsets = plain.sendOffsets.bind(plain)
    const groups = new Set<string>()
    const calls = new Set<{ readonly done: Promise<unknown>; readonly reject: (error: Error) => void }>()
    let refusal: Error | undefined
    let ending: Promise<void> | undefined
    let hasEnded = false

    function inside<A, R>(call: (argument: A) => Promise<R>): (argument: A) => Promise<R> {
      return (argument) => (refusal ? Promise.reject(refusal) : race(() => call(argument)))
    }

    /** The call, or a rejection from `reject`, whichever is first. */
    function race<R>(call: () => Promise<R>): Promise<R> {
      return new Promise((resolve, reject) => {
        const done = (async () => call())()
        const entry = { done, reject }
        calls.add(entry)
        const over = (): void => void calls.delete(entry)
        done.then(resolve, reject)
        done.then(over, over)
      })
    }

    function finish(call: () => Promise<void>): Promise<void> {
      const finished = race(call)
      ending = finished
      finished.then(
        () => {
          hasEnded = true
          open.delete(entry)
          end()
        },
        (error: unknown) => {
          open.delete(entry)
          if (hasEnded || isOver(error)) return end()
          end(error)
          if (!refusal) unended.set(entry, performance.now() + timeoutMs)
        },
      )
      return finished
    }

    /** What it has handled belongs to others by now, who handle it again. */
    async function commitUnlessCut(): Promise<void> {
      const group = [...groups].find(cutGroups.has)
      if (group === undefined) return finish(commit)
      await finish(abort)
      throw new Error(`the consumer of ${group} was cut, and its messages go to other members: the transaction was aborted`)
    }

    async function endNow(): Promise<void> {
      await Promise.allSettled([...calls].map(({ done }) => done))
      await (ending ?? finish(abort))
    }

    const entry: Open = {
      endNow,
      refuse: (error) => (refusal = error),
      reject(error) {
        for (const { reject } of calls) reject(error)
      },
    }
    open.add(entry)

    return Object.assign(plain, {
      send: inside(plain.send.bind(plain)),
      sendBatch: inside(plain.sendBatch.bind(plain)),
      sendOffsets: inside((offsets: never) => {
        groups.add((offsets as { consumerGroupId: string }).consumerGroupId)
        return sendOffsets(offsets)
      }),
      commit: () => (refusal ? Promise.reject(refusal) : commitUnlessCut()),
      // Who gives up because of the cut wants what is done anyway.
      abort: () => (refusal ? (ending ?? finish(abort)) : finish(abort)),
    })
  }

  function abortAll(error: Error, withinMs: number): Promise<void> | undefined {
    if (open.size === 0) return undefined
    const all = [...open]
    for (const each of all) each.refuse(error)
    return new Promise((resolve) => {
      const over = (): void => {
        clearTimeout(timer)
        for (const each of all) each.reject(error)
        resolve()
      }
      const timer = setTimeout(over, withinMs)
      void Promise.allSettled(all.map((each) => each.endNow())).then(over)
    })
  }

  return {
    begin,
    abortAll,
    unended: () =>
      [...unended.values()].filter((until) => performance.now() < until).map(() => `the end of a transaction (unless the broker has it, readers wait up to ${timeoutMs / 1_000} s)`),
  }
}

/** The broker has ended it, or never begun it, as it says itself. */
function isOver(error: unknown): boolean {
  const { type = '' } = error as { type?: string }
  return ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_TXN_STATE', 'INVALID_PRODUCER_ID_MAPPING'].includes(type)
}
