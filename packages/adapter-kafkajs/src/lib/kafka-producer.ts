import { orAborted, type Resource } from '@lameduck/core'
import { controlOf } from './client-control.ts'
import { resourceMembers, type KafkaResourceOptions } from './resource-options.ts'
import { trackSends, type KafkaProducerClient } from './track-sends.ts'
import { clientWarnings } from './warnings.ts'

/**
 * A kafkajs producer as a Resource. Replaces its `send`, `sendBatch` and `transaction` by functions that do the same and are
 * counted, since kafkajs does not wait for sends when it disconnects, and connects again for those that come later.
 *
 * It goes on sending until its drain, for everything in the earlier phases still needs it. The drain waits until every
 * send has been answered and every transaction committed or aborted, then disconnects; later sends reject. When it is cut,
 * the sends that are under way reject; whether the broker has them is not known.
 *
 * The producer is connected and disconnected by it.
 */
export function kafkaProducer(producer: KafkaProducerClient, options: KafkaResourceOptions = {}): Resource {
  const members = resourceMembers(options, 'kafka-producer')
  const control = controlOf(producer)
  const sends = trackSends(producer)

  const cutting = new AbortController()

  function cut(): void {
    const error = new Error(`${members.name} was cut: its deadline has passed; whether the broker has this is not known`)
    cutting.abort(error)
    sends.cut(error)
    producer.disconnect().catch(() => {})
    control?.cut(error)
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
    warnings: clientWarnings(producer, 'this producer'),

    async start({ signal }) {
      try {
        await orAborted(producer.connect(), AbortSignal.any([signal, cutting.signal]))
      } catch (error) {
        cut()
        throw error
      }
    },

    inFlight: sends.count,
    waitingFor: sends.waitingFor,

    async drain({ signal }) {
      const ended = AbortSignal.any([signal, cutting.signal])
      await orAborted(idle(), ended)
      await orAborted(producer.disconnect(), ended)
      control?.close()
    },

    force: cut,
  }
}
