import type { RunConfig } from './consumer-client.ts'
import { describe, type HandlerContext } from './hands.ts'
import type { BatchHandler } from './kafkajs-runner.ts'

/**
 * Around a handler of batches. While the consumer runs, its return means what it means in kafkajs. From the signal on it means
 * nothing: a handler may have left its batch early by ways that nobody else can see, so only what it has resolved is done.
 */
export function eachBatchHandler(run: RunConfig, { hands, autoCommit, uncommitted, rewinds, tally }: HandlerContext): BatchHandler {
  const { eachBatch, eachBatchAutoResolve = true } = run

  return async function handle(payload) {
    if (hands.isClosed()) return hands.refuse(this)
    const { batch } = payload
    const { topic, partition } = batch
    const group = this.consumerGroup
    const inHand = hands.begin(this, payload)
    let wasToldToStop = false
    const isRunning = (): boolean => {
      const goOn = !hands.isClosed() && payload.isRunning()
      if (!goOn) wasToldToStop = true
      return goOn
    }
    const resolveOffset = (offset: string): void => {
      payload.resolveOffset(offset)
      inHand.resolved = offset
      if (autoCommit) uncommitted.done(topic, partition, offset)
    }
    const nextOffset = (): string => (inHand.resolved === undefined ? (batch.messages[0]?.offset ?? batch.lastOffset()) : String(BigInt(inHand.resolved) + 1n))
    const lastOffset = (): string => batch.messages.at(-1)?.offset ?? batch.lastOffset()
    const hasRest = (): boolean => BigInt(nextOffset()) <= BigInt(lastOffset())

    try {
      await eachBatch?.({ ...payload, isRunning, resolveOffset, pause: () => hands.pause(inHand) })
      inHand.isBusy = false
      if (hands.isClosed()) {
        if (!autoCommit || !hasRest() || uncommitted.isCommitted(topic, partition, lastOffset())) tally.handled(topic, partition, lastOffset())
        else tally.note(`delivered again: ${describe(inHand)}, not resolved when the handler returned after the signal`)
      } else if (!payload.isStale()) {
        if (autoCommit && inHand.hasPaused && group.isPaused(topic, partition) && hasRest()) rewinds.set({ topic, partition, offset: nextOffset() }, 'pause')
        if (eachBatchAutoResolve && !wasToldToStop) resolveOffset(batch.lastOffset())
      }
    } catch (error) {
      if (hands.failed(inHand, error)) throw error
    } finally {
      await hands.end(inHand)
    }
  }
}
