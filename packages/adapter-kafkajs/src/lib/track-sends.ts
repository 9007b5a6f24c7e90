import { createPendingCalls, type PendingCalls } from './pending-calls.ts'
import { trackTransactions, type KafkaTransaction, type Transactions } from './track-transactions.ts'

/** The subset of kafkajs' `Producer` that is needed. */
export interface KafkaProducerClient {
  connect(): Promise<void>
  disconnect(): Promise<void>
  send(record: never): Promise<unknown>
  sendBatch(batch: never): Promise<unknown>
  transaction(): Promise<KafkaTransaction>
}

export interface Sends extends Pick<PendingCalls, 'count' | 'waitingFor' | 'whenIdle'> {
  /** Refuses every later send: kafkajs would connect again for it, and leave that socket open. */
  close(): void
  /**
   * Rejects every send that is under way, and refuses what comes later. Open transactions are aborted, which takes `withinMs` at the
   * most; nothing to wait for where there is none.
   */
  cut(error: Error, withinMs: number): Promise<void> | undefined
  readonly unended: Transactions['unended']
}

/**
 * Replaces `send`, `sendBatch` and `transaction` of `producer` by functions that do the same and are counted.
 * `transactionTimeoutMs` is for the text about a transaction that stays open.
 */
export function trackSends(producer: KafkaProducerClient, transactionTimeoutMs: number): Sends {
  const pending = createPendingCalls()
  const send = producer.send.bind(producer)
  const sendBatch = producer.sendBatch.bind(producer)
  const transactions = trackTransactions(producer.transaction.bind(producer), pending, transactionTimeoutMs)

  Object.assign(producer, {
    send: (record: never) => pending.track(() => `send to ${(record as { topic?: string } | undefined)?.topic}`, () => send(record)),
    sendBatch: (batch: never) =>
      pending.track(() => `sendBatch of ${(batch as { topicMessages?: unknown[] } | undefined)?.topicMessages?.length ?? 0} topics`, () => sendBatch(batch)),
    transaction: transactions.begin,
  })

  return {
    count: pending.count,
    waitingFor: pending.waitingFor,
    whenIdle: pending.whenIdle,
    unended: transactions.unended,
    close: () => pending.close(new Error('this producer has been stopped: nothing was sent')),
    cut(error, withinMs) {
      pending.cut(error)
      return transactions.abortAll(error, withinMs)
    },
  }
}
