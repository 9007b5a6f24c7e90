import { orAborted, type Resource } from '@lameduck/core'
import { controlOf } from './client-control.ts'
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
 * send has been answered and every transaction committed or aborted, then disconnects; later sends reject. When it is cut,
 * the sends that are under way reject; whether the broker has them is not known. A transaction that is open then is aborted,
 * if the broker answers within three quarters of `forceMs`.
 *
 * The producer is connected and disconnected by it.
 *
 * @throws LifecycleError `invalid-option`
 */
export function kafkaProducer(producer: KafkaProducerClient, options: KafkaResourceOptions = {}): Resource {
  const members = resourceMembers(options, 'kafka-producer')
  const control = controlOf(producer)
  const sends = trackSends(producer, control?.settings.producer?.transactionTimeout ?? defaultTransactionTimeoutMs)
  const cutting = new AbortController()

  function cut(boundMs: number): Promise<void> | void {
    const error = new Error(`${members.name} was cut: its deadline has passed; whether the broker has this is not known`)
    cutting.abort(error)
    const aborting = sends.cut(error, boundMs * shareForAborting)
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

  /** Closed in the tick in which nothing is under way, or one more send could slip in before the disconnect. */
  function idle(): Promise<void> {
    return new Promise((resolve) => {
      sends.whenIdle(() => {
        sends.close()
        resolve()
      })
    })
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

    inFlight: sends.count,
    waitingFor: () => [...sends.waitingFor(), ...sends.unended(), ...unsent()],

    async drain({ signal }) {
      const ended = AbortSignal.any([signal, cutting.signal])
      await orAborted(idle(), ended)
      await orAborted(producer.disconnect(), ended)
      await orAborted(Promise.resolve(control?.close()), ended)
      if (sends.unended().length > 0) throw new Error('the broker confirmed neither the commit nor the abort of a transaction')
    },

    force: ({ boundMs }) => cut(boundMs),
  }
}
