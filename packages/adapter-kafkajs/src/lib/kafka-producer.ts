import { closeWhenIdle, createTracker, cutError, orAborted, type Resource } from '@lameduck/core'
import { controlOf } from './client-control.ts'
import { isRefusal } from './is-refusal.ts'
import { resourceMembers, type KafkaResourceOptions } from './resource-options.ts'
import { trackSends, type KafkaProducerClient } from './track-sends.ts'
import { producerWarnings } from './warnings.ts'

/** kafkajs' own default. */
const defaultTransactionTimeoutMs = 60_000

/** Of the bound of `force`, for aborting what is open; the rest is for closing the sockets. */
const shareForAborting = 0.75

/**
 * A kafkajs producer as a Resource. Replaces its `send`, `sendBatch` and `transaction` by functions that do the same and are
 * counted, since kafkajs does not wait for sends when it disconnects, and connects again for those that come later.
 *
 * It goes on sending until its drain, for everything in the earlier phases still needs it. The drain waits until every
 * send has been answered and every transaction committed or aborted, then disconnects; later sends reject (`closed`) and are counted. A send
 * that gets no answer has failed, and so has the step; what a broker refuses for good (a record that is too large) is an answer.
 *
 * When it is cut, the sends that are under way reject (`cut`); whether the broker has them is not known. A transaction that is open then is
 * aborted, if the broker answers within three quarters of `forceMs`.
 *
 * The producer is connected and disconnected by it.
 *
 * @throws LifecycleError `invalid-option`
 */
export function kafkaProducer(producer: KafkaProducerClient, options: KafkaResourceOptions = {}): Resource {
  const members = resourceMembers(options, 'kafka-producer')
  const control = controlOf(producer)
  const sends = createTracker(members.name, isRefusal)
  const transactions = trackSends(producer, sends, control?.settings.producer?.transactionTimeout ?? defaultTransactionTimeoutMs)
  const cutting = new AbortController()

  function cut(boundMs: number): Promise<void> | void {
    const error = cutError(members.name, 'what was under way')
    cutting.abort(error)
    sends.cut()
    const aborting = transactions.abortAll(cutError(members.name, 'an open transaction'), boundMs * shareForAborting)
    return aborting ? aborting.then(() => close(error)) : close(error)
  }

  function close(error: Error): void {
    producer.disconnect().catch(() => {})
    control?.cut(error)
  }

  /** What sends without acknowledgement have left behind. */
  function unsent(): string[] {
    const bytes = sends.count() === 0 ? (control?.unsentBytes() ?? 0) : 0
    return bytes > 0 ? [`${bytes} bytes that the broker has not taken yet`] : []
  }

  return {
    ...members,
    phase: 'producers',
    warnings: producerWarnings(producer),

    async start({ signal }) {
      try {
        await orAborted(producer.connect(), AbortSignal.any([signal, cutting.signal]))
      } catch (error) {
        void cut(0)
        throw error
      }
    },

    quiesce: () => sends.tally.begin(),
    inFlight: sends.count,
    waitingFor: () => [...sends.waitingFor(), ...transactions.unended(), ...unsent()],
    tally: sends.tally.read,

    async drain({ signal }) {
      sends.tally.begin()
      const ended = AbortSignal.any([signal, cutting.signal])
      await closeWhenIdle(sends, sends.close, ended)
      await orAborted(producer.disconnect(), ended)
      const lostBytes = await orAborted(Promise.resolve(control?.close() ?? 0), ended)
      if (lostBytes > 0) sends.tally.failed('sends without acknowledgement', new Error(`the connection was lost before up to ${lostBytes} bytes were out`))
      if (transactions.unended().length > 0) throw new Error('the broker confirmed neither the commit nor the abort of a transaction')
    },

    force: ({ boundMs }) => cut(boundMs),
  }
}
