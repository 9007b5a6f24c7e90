import { resolvePolicy } from '@lameduck/core'
import { controlOf } from './client-control.ts'
import type { RunConfig } from './consumer-client.ts'
import type { KafkaResourceOptions } from './resource-options.ts'

const notDrainable = (what: string): string =>
  `${what} was not made by drainableKafka(): it can be drained but not cut, and a broker that does not answer holds it for up to a minute. Replace new Kafka({ … }) by drainableKafka(Kafka, { … }).`

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
      `transactionTimeout is ${timeoutMs}: if this producer is ever lost within a transaction, whoever reads committed messages waits that long. Set it to 60000 or less.`,
    )
  }
  return warnings
}

/** What in a consumer's configuration makes it leave late, or hand messages over twice. */
export function consumerWarnings(consumer: object, run: RunConfig, { reserveMs, timeoutMs }: KafkaResourceOptions): string[] {
  const warnings = clientWarnings(consumer, 'this consumer')
  if (run.eachBatch && run.eachBatchAutoResolve !== false && run.autoCommit !== false) {
    warnings.push(
      'eachBatch runs with eachBatchAutoResolve on: from the signal on that the handler returns does not mean that it is done with the batch, since it may have left it early. What it did not resolveOffset() is delivered again. Resolve each message, or batch.lastOffset() when all are done, and set eachBatchAutoResolve: false.',
    )
  }
  const settings = controlOf(consumer)?.settings.consumer
  if (!settings) return warnings
  const { maxWaitTimeInMs, sessionTimeout, heartbeatInterval, rebalanceTimeout } = settings
  const guaranteedMs = reserveMs ?? resolvePolicy({}, {}).phases.intake.reserveMs
  if (maxWaitTimeInMs > guaranteedMs / 3) {
    warnings.push(
      `maxWaitTimeInMs is ${maxWaitTimeInMs}, more than a third of the ${guaranteedMs} ms that are reserved for the drain: an idle consumer cannot leave before its open fetch returns. Set it to 1000 or less, or raise reserveMs.`,
    )
  }
  if (sessionTimeout > 30_000) {
    warnings.push(
      `sessionTimeout is ${sessionTimeout}: if this consumer is ever cut, its partitions stand still for that long. Set it to 30000 or less.`,
    )
  }
  if (timeoutMs !== undefined && timeoutMs > sessionTimeout) {
    warnings.push(
      `a handler may take ${timeoutMs} ms (timeoutMs), longer than sessionTimeout (${sessionTimeout}): before the stop nobody sends heartbeats for it, the group gives its partitions away, and its message is handled twice. Call heartbeat() in the handler, raise sessionTimeout, or lower timeoutMs.`,
    )
  }
  if (heartbeatInterval > sessionTimeout / 3) {
    warnings.push(
      `heartbeatInterval is ${heartbeatInterval}, more than a third of sessionTimeout (${sessionTimeout}): one late heartbeat costs the membership, and the messages in flight are delivered again. Set it to ${Math.floor(sessionTimeout / 3)} or less.`,
    )
  }
  if (rebalanceTimeout <= heartbeatInterval) {
    warnings.push(
      `rebalanceTimeout is ${rebalanceTimeout}, no longer than heartbeatInterval (${heartbeatInterval}): whenever a member comes or goes, those that hear of it too late are put out of the group, in every rollout. Set it to ${heartbeatInterval * 3} or more.`,
    )
  } else if (timeoutMs !== undefined && rebalanceTimeout <= timeoutMs) {
    warnings.push(
      `rebalanceTimeout is ${rebalanceTimeout}, no longer than a handler may take (timeoutMs, ${timeoutMs}): when a member comes or goes meanwhile, this one is put out of the group, and its message is handled twice. Raise rebalanceTimeout above ${timeoutMs}, or lower timeoutMs.`,
    )
  }
  return warnings
}
