import { resolvePolicy } from '@lameduck/core'
import { controlOf } from './client-control.ts'
import type { RunConfig } from './consumer-client.ts'
import type { KafkaResourceOptions } from './resource-options.ts'

const notDrainable = (what: string): string =>
  `${what} was not made by drainableKafka(). It can be drained, but it cannot be cut: a broker that does not answer holds it for up to a minute. Replace new Kafka({ … }) by drainableKafka(Kafka, { … }).`

/** The warning that every client shares. */
export function clientWarnings(client: object, what: string): string[] {
  return controlOf(client) ? [] : [notDrainable(what)]
}

/** What in a producer's configuration makes a cut cost more than it must. */
export function producerWarnings(producer: object): string[] {
  const warnings = clientWarnings(producer, 'this producer')
  const timeoutMs = controlOf(producer)?.settings.producer?.transactionTimeout ?? 0
  if (timeoutMs > 60_000) {
    warnings.push(
      `transactionTimeout is ${timeoutMs}. When this producer is lost within a transaction, readers of committed messages wait that long. Set it to 60000 or less.`,
    )
  }
  return warnings
}

/** What in a consumer's configuration makes it leave late, or hand messages over twice. */
export function consumerWarnings(consumer: object, run: RunConfig, { reserveMs, timeoutMs }: KafkaResourceOptions): string[] {
  const warnings = clientWarnings(consumer, 'this consumer')
  if (run.eachBatch && run.eachBatchAutoResolve !== false && run.autoCommit !== false) {
    warnings.push(
      'eachBatch runs with eachBatchAutoResolve on. After the signal, a handler that returns may have left its batch early, so only what it resolved is committed. The rest is delivered again. Call resolveOffset() for each message, or once for batch.lastOffset() when all are done, and set eachBatchAutoResolve: false.',
    )
  }
  const settings = controlOf(consumer)?.settings.consumer
  if (!settings) return warnings
  const { maxWaitTimeInMs, sessionTimeout, heartbeatInterval, rebalanceTimeout } = settings
  const guaranteedMs = reserveMs ?? resolvePolicy({}, {}).phases.intake.reserveMs
  if (maxWaitTimeInMs > guaranteedMs / 3) {
    warnings.push(
      `maxWaitTimeInMs is ${maxWaitTimeInMs}, more than a third of the ${guaranteedMs} ms that are reserved for the drain. An idle consumer cannot leave before its open fetch returns. Set it to 1000 or less, or raise reserveMs.`,
    )
  }
  if (sessionTimeout > 30_000) {
    warnings.push(
      `sessionTimeout is ${sessionTimeout}. When this consumer is cut and the broker does not hear of it, its partitions stand still for that long. Set it to 30000 or less.`,
    )
  }
  if (timeoutMs !== undefined && timeoutMs > sessionTimeout) {
    warnings.push(
      `a handler may take ${timeoutMs} ms (timeoutMs), longer than sessionTimeout (${sessionTimeout}). Before the stop nobody sends heartbeats for it. So the group gives its partitions away, and its message is handled twice. Call heartbeat() in the handler, raise sessionTimeout, or lower timeoutMs.`,
    )
  }
  if (heartbeatInterval > sessionTimeout / 3) {
    warnings.push(
      `heartbeatInterval is ${heartbeatInterval}, more than a third of sessionTimeout (${sessionTimeout}). One late heartbeat costs the membership, and the messages in flight are delivered again. Set it to ${Math.floor(sessionTimeout / 3)} or less.`,
    )
  }
  if (rebalanceTimeout <= heartbeatInterval) {
    warnings.push(
      `rebalanceTimeout is ${rebalanceTimeout}, no longer than heartbeatInterval (${heartbeatInterval}). In every rollout, members that hear too late of one that comes or goes are put out of the group. Set it to ${heartbeatInterval * 3} or more.`,
    )
  } else if (timeoutMs !== undefined && rebalanceTimeout <= timeoutMs) {
    warnings.push(
      `rebalanceTimeout is ${rebalanceTimeout}, no longer than a handler may take (timeoutMs, ${timeoutMs}). When a member comes or goes meanwhile, this one is put out of the group, and its message is handled twice. Raise rebalanceTimeout above ${timeoutMs}, or lower timeoutMs.`,
    )
  }
  return warnings
}
