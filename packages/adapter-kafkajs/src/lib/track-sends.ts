import type { Tracker } from '@lameduck/core'
import { trackTransactions, type KafkaTransaction, type Transactions } from './track-transactions.ts'

/** The subset of kafkajs' `Producer` that is needed. */
export interface KafkaProducerClient {
  connect(): Promise<void>
  disconnect(): Promise<void>
  send(record: never): Promise<unknown>
  sendBatch(batch: never): Promise<unknown>
  transaction(): Promise<KafkaTransaction>
}

/**
 * Replaces `send`, `sendBatch` and `transaction` of `producer` by functions that do the same and are counted by `sends`. After its close they
 * are refused: kafkajs would connect again for them, and leave that socket open. `transactionTimeoutMs` is for the text about a transaction that
 * stays open.
 */
export function trackSends(producer: KafkaProducerClient, sends: Tracker, transactionTimeoutMs: number): Transactions {
  const send = producer.send.bind(producer)
  const sendBatch = producer.sendBatch.bind(producer)
  const transactions = trackTransactions(producer.transaction.bind(producer), sends, transactionTimeoutMs)

  Object.assign(producer, {
    send: (record: never) => sends.track(() => `send to ${(record as { topic?: string } | undefined)?.topic}`, () => send(record)),
    sendBatch: (batch: never) =>
      sends.track(() => `sendBatch of ${(batch as { topicMessages?: unknown[] } | undefined)?.topicMessages?.length ?? 0} topics`, () => sendBatch(batch)),
    transaction: transactions.begin,
  })
  return transactions
}
