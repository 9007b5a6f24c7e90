import type { RunConfig } from './consumer-client.ts'
import { describe, type HandlerContext } from './hands.ts'
import type { BatchHandler } from './kafkajs-runner.ts'

/**
 * Hands a batch out message by message, as kafkajs 2.2.4 does for `eachMessage` (`runner.js`), in its place. What kafkajs does in between it
 * does blindly: it resolves a message whose handler has asked for it again by `seek`, and knows no way to leave a batch where it is.
 */
export function eachMessageHandler(run: RunConfig, { hands, autoCommit, uncommitted, rewinds, tally }: HandlerContext): BatchHandler {
  const { eachMessage, autoCommitInterval, autoCommitThreshold } = run
  const commitsWithin = autoCommit && [autoCommitInterval, autoCommitThreshold].some((each) => typeof each === 'number')

  return async function handle(payload) {
    if (hands.isClosed()) return hands.refuse(this)
    const { topic, partition, messages } = payload.batch
    const group = this.consumerGroup
    const seeks = group.seekOffset
    const inHand = hands.begin(this, payload)
    const heartbeat = (): Promise<void> => payload.heartbeat()
    const pause = (): (() => void) => hands.pause(inHand)
    try {
      for (const message of messages) {
        if (hands.isClosed() || !payload.isRunning() || (seeks.size > 0 && payload.isStale())) break
        inHand.message = message
        inHand.since = Date.now()
        inHand.isBusy = true
        await eachMessage?.({ topic, partition, message, heartbeat, pause })
        inHand.isBusy = false
        const isLeft = inHand.hasPaused && group.isPaused(topic, partition) && autoCommit
        if (hands.isClosed() && !isLeft) tally.handled(topic, partition, message.offset)
        // Asked for again, or for another one: where it goes on is for the seek to say.
        if (seeks.size > 0 && payload.isStale()) break
        if (isLeft) {
          if (hands.isClosed()) {
            tally.note(`delivered again: ${describe(inHand)}, whose handler paused the partition`)
            break
          }
          rewinds.set({ topic, partition, offset: message.offset }, 'pause')
        }
        payload.resolveOffset(message.offset)
        if (autoCommit) uncommitted.done(topic, partition, message.offset)
        if (hands.isClosed()) break
        await payload.heartbeat()
        if (commitsWithin) await payload.commitOffsetsIfNecessary()
        if (group.isPaused(topic, partition)) break
      }
    } catch (error) {
      if (hands.failed(inHand, error)) throw error
    } finally {
      await hands.end(inHand)
    }
  }
}
