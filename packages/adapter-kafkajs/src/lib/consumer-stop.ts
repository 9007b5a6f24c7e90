import { closeWhenIdle, cutError, orAborted, type DrainContext, type InHand, type QuiesceContext, type Tracker } from '@lameduck/core'
import type { ConsumerCalls } from './consumer-calls.ts'
import type { KafkaConsumerClient } from './consumer-client.ts'
import type { ClientControl } from './client-control.ts'
import { cutGroups } from './cut-groups.ts'
import type { HandlerContext } from './hands.ts'
import { createLeaving, endEarlyMs } from './leaving.ts'
import type { Membership } from './membership.ts'
import { settleOffsets } from './settle-offsets.ts'

export interface ConsumerStop {
  /** In the tick of the signal: no handler begins any more. The consumer stays a member, and usable. */
  readonly begin: (context: QuiesceContext) => void
  /** When nobody needs it any more: waits for what is in hand, commits it, and leaves. */
  readonly drain: (context: DrainContext) => Promise<void>
  /** Ends it at once. */
  readonly cut: () => void
  readonly isStopping: () => boolean
  /** Aborts when it was let go, by a cut or because a join took too long. */
  readonly dropped: AbortSignal
  /** Handlers, and commits by hand. */
  readonly inHand: InHand
}

export interface ConsumerStopOptions {
  readonly name: string
  /** Longest time of the drain, if it has one of its own. */
  readonly timeoutMs: number | undefined
  readonly consumer: KafkaConsumerClient
  readonly control: ClientControl | undefined
  readonly context: HandlerContext
  /** By hand. */
  readonly commits: Tracker
  readonly calls: ConsumerCalls
  readonly membership: Membership
  /** Puts into the report what the others may have to wait for. */
  readonly noteAtStake: () => void
}

/** kafkajs itself sends at most one in `heartbeatInterval`, so this only has to be often enough. */
const beatEveryMs = 500

/** Nothing is in hand while a group is joined; but one that is left in the middle of it waits a session for this member. */
const joinPatienceMs = 5_000

export function createConsumerStop({ name, timeoutMs = Infinity, consumer, control, context, commits, calls, membership, noteAtStake }: ConsumerStopOptions): ConsumerStop {
  const { hands, tally } = context
  const leaving = createLeaving({ consumer, control, hands, calls, membership, onGivenUp: noteAtStake })
  const dropping = new AbortController()
  const cutting = new AbortController()
  let stopping = false
  let beating: NodeJS.Timeout | undefined

  /** Every handler has begun before the drain. */
  const inHand: InHand = {
    count: () => hands.count() + commits.count(),
    begunBefore: (at) => hands.count() + commits.begunBefore(at),
    onEnd(callback) {
      const unsubscribe = [hands.onEnd(callback), commits.onEnd(callback)]
      return () => unsubscribe.forEach((each) => each())
    },
  }

  function begin({ deadline }: QuiesceContext): void {
    if (stopping) return
    stopping = true
    tally.begin()
    control?.stayDown()
    hands.close()
    if (membership.state() === 'none') return
    // Where no batch has come yet, nobody but kafkajs can send heartbeats, and it does so between fetches.
    if (hands.runner()) control?.pauseFetching()
    beating = setInterval(hands.beat, beatEveryMs)
    boundJoin(Math.min(timeoutMs - endEarlyMs, (deadline - performance.now()) / 2))
  }

  /** Not by the drain: that waits for `start`, which waits for the join. */
  function boundJoin(longestMs: number): void {
    const giveUp = (): void => {
      noteAtStake()
      tally.letGo(hands.count())
      commits.cut()
      drop()
    }
    const timer = setTimeout(giveUp, Math.min(joinPatienceMs, longestMs))
    membership.whenSettled(() => clearTimeout(timer))
  }

  /** Resolves when no join is under way, or it was given up. */
  function joinIsOver(): Promise<void> {
    return new Promise((resolve) => {
      membership.whenSettled(resolve)
      dropping.signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  async function finish(leftMs: () => number, ended: AbortSignal): Promise<void> {
    await orAborted(joinIsOver(), ended)
    if (dropping.signal.aborted) return
    // Now already, for what is in hand may have to be cut.
    const settled = settleOffsets(calls, context)
    await closeWhenIdle(inHand, commits.close, ended)
    await orAborted(settled.then(() => settleOffsets(calls, context)), ended)
    await orAborted(leaving.leave(leftMs()), ended)
  }

  function drop(): void {
    stopping = true
    clearInterval(beating)
    hands.close()
    dropping.abort(cutError(name, 'its start'))
    leaving.drop(new Error(`${name} was cut`))
  }

  return {
    begin,
    isStopping: () => stopping,
    dropped: dropping.signal,
    inHand,
    async drain(drain) {
      begin(drain)
      await finish(drain.remaining, AbortSignal.any([drain.signal, cutting.signal])).finally(() => clearInterval(beating))
      // kafkajs stops as well when the commit fails, and says nothing.
      if (tally.end()) throw new Error('the broker confirmed no commit of what was handled: it comes again')
    },
    cut() {
      commits.cut()
      tally.cut(hands.count())
      cutting.abort(cutError(name, 'its drain'))
      const member = membership.member()
      if (control && member) cutGroups.add(member.groupId)
      drop()
    },
  }
}
