/** The subset of kafkajs' `Producer` that is needed. */
export interface KafkaProducerClient {
  connect(): Promise<void>
  disconnect(): Promise<void>
  send(record: never): Promise<unknown>
  sendBatch(batch: never): Promise<unknown>
  transaction(): Promise<KafkaTransaction>
}

/** The subset of kafkajs' `Transaction` that is needed. */
export interface KafkaTransaction {
  commit(): Promise<void>
  abort(): Promise<void>
}

export interface Sends {
  readonly count: () => number
  /** One text each, newest last. */
  readonly waitingFor: () => readonly string[]
  /** Calls back when nothing is under way: at once, or in the tick in which the last one ends. */
  whenIdle(callback: () => void): void
  /** Refuses every later send: kafkajs would connect again for it, and leave that socket open. */
  close(): void
  /** Rejects every send that is under way. */
  cut(error: Error): void
}

interface Pending {
  readonly what: string
  readonly since: number
  readonly reject: (error: Error) => void
}

type Call = (argument: never) => Promise<unknown>

/** Replaces `send`, `sendBatch` and `transaction` of `producer` by functions that do the same and are counted. */
export function trackSends(producer: KafkaProducerClient): Sends {
  const pending = new Set<Pending>()
  const onIdle = new Set<() => void>()
  let closed = false
  const send = producer.send.bind(producer)
  const sendBatch = producer.sendBatch.bind(producer)
  const transaction = producer.transaction.bind(producer)

  function begin(what: string, reject: (error: Error) => void = () => {}): () => void {
    const entry = { what, since: performance.now(), reject }
    pending.add(entry)
    return () => {
      if (!pending.delete(entry) || pending.size > 0) return
      const callbacks = [...onIdle]
      onIdle.clear()
      for (const callback of callbacks) callback()
    }
  }

  function counted(call: Call, describe: (argument: unknown) => string): Call {
    return (argument) => {
      if (closed) return Promise.reject(new Error('this producer has been stopped: nothing was sent'))
      return new Promise((resolve, reject) => {
        const end = begin(describe(argument), reject)
        // kafkajs throws some of its errors at once.
        const sent = (async () => call(argument))()
        sent.then(resolve, reject)
        sent.then(end, end)
      })
    }
  }

  /** In flight from its beginning until it is committed or aborted. */
  async function countedTransaction(): Promise<KafkaTransaction> {
    if (closed) throw new Error('this producer has been stopped: no transaction was begun')
    const end = begin('an open transaction')
    try {
      const open = await transaction()
      const commit = open.commit.bind(open)
      const abort = open.abort.bind(open)
      return Object.assign(open, { commit: () => commit().finally(end), abort: () => abort().finally(end) })
    } catch (error) {
      end()
      throw error
    }
  }

  Object.assign(producer, {
    send: counted(send, (record) => `send to ${(record as { topic?: string } | undefined)?.topic}`),
    sendBatch: counted(sendBatch, (batch) => `sendBatch of ${(batch as { topicMessages?: unknown[] } | undefined)?.topicMessages?.length ?? 0} topics`),
    transaction: countedTransaction,
  })

  return {
    count: () => pending.size,
    waitingFor: () => [...pending].map(({ what, since }) => `${what} ${((performance.now() - since) / 1_000).toFixed(1)} s`),
    whenIdle(callback) {
      if (pending.size === 0) callback()
      else onIdle.add(callback)
    },
    close() {
      closed = true
    },
    cut(error) {
      closed = true
      for (const { reject } of pending) reject(error)
    },
  }
}
