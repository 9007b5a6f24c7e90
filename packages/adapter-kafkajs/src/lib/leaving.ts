import type { ClientControl } from './client-control.ts'
import type { ConsumerCalls } from './consumer-calls.ts'
import type { KafkaConsumerClient } from './consumer-client.ts'
import type { Hands } from './hands.ts'
import { encodeLeaveGroup } from './leave-group.ts'
import type { Membership } from './membership.ts'

export interface Leaving {
  /** Stops the consumer, which has nothing in hand, leaves its group and disconnects; `leftMs`: until the drain is cut. */
  leave(leftMs: number): Promise<void>
  /** Lets everything go at once, whatever kafkajs waits for. */
  drop(error: Error): void
}

export interface LeavingOptions {
  readonly consumer: KafkaConsumerClient
  readonly control: ClientControl | undefined
  readonly hands: Hands
  readonly calls: ConsumerCalls
  readonly membership: Membership
  /** Called when it is let go although kafkajs still waits for something. */
  readonly onGivenUp: () => void
}

/** After `maxWaitTimeInMs` every broker that is well has answered. */
const lateMs = 500

/** How long a cluster takes to give a lost broker up, in its defaults: the leave that waits for another coordinator spares the others a session. */
const coordinatorPatienceMs = 10_000

/** Kept free before the deadline, for letting go in good order. */
export const endEarlyMs = 150

/**
 * Nothing is in hand any more, so nothing of what kafkajs may still wait for is worth the rest of the grace period: its back-off after a handler has
 * failed, a broker that is gone, a fetch of one that does not answer, a rebalance.
 */
export function createLeaving({ consumer, control, hands, calls, membership, onGivenUp }: LeavingOptions): Leaving {
  function stop(): Promise<void> {
    calls.stopped()
    const stopped = consumer.stop()
    control?.stopFetching()
    hands.release()
    const runner = hands.runner()
    // When the fetches are over, kafkajs waits for nothing but a back-off or a join. What sleeps finds that it was stopped, and does nothing.
    if (runner && !hands.isRejoining()) runner.consuming = false
    return stopped
  }

  async function goAway(): Promise<void> {
    await stop()
    membership.left()
    await consumer.disconnect()
    await control?.close()
  }

  function drop(error: Error): void {
    calls.stopped()
    control?.stayDown()
    const disconnect = (): void => void consumer.disconnect().catch(() => {})
    // During a join this would only make kafkajs forget what it must end.
    if (membership.state() !== 'joining') disconnect()
    if (!control) {
      membership.whenSettled(disconnect)
      return hands.release()
    }
    const member = membership.member()
    membership.left()
    control.cut(error, member && encodeLeaveGroup(member.groupId, member.memberId))
  }

  return {
    drop,
    async leave(leftMs) {
      const gone = goAway()
      // Without a way to end it there is nothing but to wait.
      if (!control) return gone
      const patienceMs = (control.settings.consumer?.maxWaitTimeInMs ?? 0) + lateMs
      const longestMs = leftMs - endEarlyMs
      if (await settles(gone, Math.min(patienceMs, longestMs))) return
      const coordinatorMs = Math.min(coordinatorPatienceMs, longestMs)
      // Again and again: a socket that tries to reach a broker that is away is open for a moment, too.
      for (let waitedMs = patienceMs; waitedMs < coordinatorMs && control.isLookingForCoordinator() && control.openSockets() > 0; waitedMs += lateMs) {
        if (await settles(gone, Math.min(lateMs, coordinatorMs - waitedMs))) return
      }
      onGivenUp()
      drop(new Error('nothing is in hand, and a broker does not answer'))
    },
  }
}

/** Whether it has resolved within this time. */
async function settles(promise: Promise<void>, withinMs: number): Promise<boolean> {
  promise.catch(() => {})
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), withinMs)))
  return Promise.race([promise.then(() => true), late]).finally(() => clearTimeout(timer))
}
