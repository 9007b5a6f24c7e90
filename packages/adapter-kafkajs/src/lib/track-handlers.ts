import type { BatchPayload, MessagePayload, RunConfig } from './consumer-client.ts'
import type { Uncommitted } from './uncommitted.ts'

export interface Handlers {
  /** The run configuration with handlers that are counted and can be held back. */
  readonly runConfig: RunConfig
  readonly count: () => number
  /** One text each, oldest first. */
  readonly waitingFor: () => readonly string[]
  /** Where each partition stands in which a handler is at a message: all before it is done with, and kafkajs may not have committed it. */
  readonly positions: () => readonly Position[]
  /** Lets no handler begin from now on. */
  close(): void
  /** Lets go, unhandled, of what was held back: the consumer must have been told to stop. */
  release(): void
  /** kafkajs never hears again of a handler that ends from now on, so that it does not try for seconds to commit it to nobody. */
  abandon(): void
  /** kafkajs hears of no handler's end before this has settled. */
  holdFor(promise: Promise<unknown>): void
  /** Calls back when no handler runs: at once, or in the tick in which the last one ends. */
  whenIdle(callback: () => void): void
  /** While handlers run: tells the group that this member is alive, and commits what handlers of batches have resolved. */
  readonly beat: () => void
}

export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: string
}

interface Running {
  readonly what: () => string
  readonly since: number
  readonly position?: Position
  readonly heartbeat: () => Promise<void>
  readonly commitResolved?: () => Promise<void>
}

/** Wraps the handlers of `run`. Whatever else it has is passed on as it is. `uncommitted` is told of what is done, where kafkajs commits it. */
export function trackHandlers(run: RunConfig, uncommitted: Uncommitted): Handlers {
  const { eachMessage, eachBatch, autoCommit = true, eachBatchAutoResolve = true } = run
  const running = new Set<Running>()
  const onIdle = new Set<() => void>()
  let closed = false
  let abandoned = false
  let held: Promise<unknown> | undefined
  let release = (): void => {}
  const released = new Promise<void>((resolve) => (release = resolve))

  async function track(entry: Running, handle: () => Promise<void>): Promise<void> {
    if (closed) return refuse()
    running.add(entry)
    try {
      await handle()
    } finally {
      if (held) await held
      running.delete(entry)
      if (running.size === 0) callAll(onIdle)
      if (abandoned) await new Promise<never>(() => {})
    }
  }

  /**
   * Manual commits: returning is harmless, since nothing commits what the handler did not, but only once the consumer
   * knows that it is stopping, or it would go on to the next message. Automatic commits: only an error keeps it from
   * committing; that is an exception, since such a consumer is stopped in the tick in which the handlers are closed.
   */
  async function refuse(): Promise<void> {
    await released
    if (autoCommit) throw new Error('this consumer is stopping: the message was not handled')
  }

  const onMessage = async (payload: MessagePayload): Promise<void> => {
    const { topic, partition, message } = payload
    const entry = {
      what: () => `${topic}[${partition}] offset ${message.offset}`,
      since: performance.now(),
      position: { topic, partition, offset: message.offset },
      heartbeat: () => payload.heartbeat(),
    }
    await track(entry, async () => {
      await eachMessage?.(payload)
      if (autoCommit) uncommitted.done(topic, partition, message.offset)
    })
  }

  const onBatch = async (payload: BatchPayload): Promise<void> => {
    const { batch } = payload
    let next = batch.firstOffset() ?? batch.lastOffset()
    const entry = {
      what: () => `${batch.topic}[${batch.partition}] ${rangeOf(next, batch.lastOffset())}`,
      since: performance.now(),
      heartbeat: () => payload.heartbeat(),
      commitResolved: () => payload.commitOffsetsIfNecessary(payload.uncommittedOffsets()),
    }
    let wasToldToStop = false
    const isRunning = (): boolean => {
      const goOn = !closed && payload.isRunning()
      if (!goOn) wasToldToStop = true
      return goOn
    }
    const resolveOffset = (offset: string): void => {
      payload.resolveOffset(offset)
      next = String(BigInt(offset) + 1n)
      if (autoCommit) uncommitted.done(batch.topic, batch.partition, offset)
    }
    await track(entry, async () => {
      await eachBatch?.({ ...payload, isRunning, resolveOffset })
      // kafkajs would resolve the whole batch although the handler has left early: the rest of it would be lost.
      if (eachBatchAutoResolve && !wasToldToStop) resolveOffset(batch.lastOffset())
    })
  }

  function holdFor(promise: Promise<unknown>): void {
    held = Promise.allSettled([held, promise])
  }

  return {
    runConfig: eachMessage ? { ...run, eachMessage: onMessage } : { ...run, eachBatch: onBatch, eachBatchAutoResolve: false },
    count: () => running.size,
    positions: () => [...running].flatMap(({ position }) => position ?? []),
    waitingFor: () => [...running].map(({ what, since }) => `${what()} ${((performance.now() - since) / 1_000).toFixed(1)} s`),
    close() {
      closed = true
    },
    release,
    abandon() {
      abandoned = true
    },
    holdFor,
    whenIdle(callback) {
      if (running.size === 0) callback()
      else onIdle.add(callback)
    },
    beat() {
      // Which handler's does not matter, it is the member's; an error shows in kafkajs' own heartbeat after the message.
      const [first] = running
      if (!first) return
      first.heartbeat().catch(() => {})
      if (autoCommit && first.commitResolved) holdFor(first.commitResolved().catch(() => {}))
    },
  }
}

function rangeOf(next: string, last: string): string {
  return BigInt(next) > BigInt(last) ? `at the end of a batch, offset ${last}` : `offsets ${next} to ${last}`
}

function callAll(callbacks: Set<() => void>): void {
  const all = [...callbacks]
  callbacks.clear()
  for (const callback of all) callback()
}
