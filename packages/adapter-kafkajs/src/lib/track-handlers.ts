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

/** Described only when somebody asks. */
type Running = RunningMessage | RunningBatch

interface RunningMessage {
  readonly since: number
  readonly payload: MessagePayload
}

interface RunningBatch {
  readonly since: number
  readonly payload: BatchPayload
  resolved: string | undefined
}

/** Wraps the handlers of `run`. Whatever else it has is passed on as it is. `uncommitted` is told of what is done, where kafkajs commits it. */
export function trackHandlers(run: RunConfig, uncommitted: Uncommitted): Handlers {
  const { eachMessage, eachBatch, autoCommit = true, eachBatchAutoResolve = true } = run
  /** Oldest first. An array, since a set costs more than all the rest of what is done for a message. */
  const running: Running[] = []
  /** Those of them whose message is handled; only its commit is awaited, or one before it. */
  const handled = new Set<Running>()
  const onIdle = new Set<() => void>()
  let closed = false
  let abandoned = false
  let held: Promise<unknown> | undefined
  let release = (): void => {}
  const released = new Promise<void>((resolve) => (release = resolve))

  /**
   * Manual commits: returning is harmless, since nothing commits what the handler did not, but only once the consumer
   * knows that it is stopping, or it would go on to the next message. Automatic commits: only an error keeps it from
   * committing; that is an exception, since such a consumer is stopped in the tick in which the handlers are closed.
   */
  async function refuse(): Promise<void> {
    await released
    if (autoCommit) throw new Error('this consumer is stopping: the message was not handled')
  }

  // Kept short, for it is added to every message: no async function, no text, and `Date.now()`, a third of the cost of a monotonic clock.
  const onMessage = (payload: MessagePayload): Promise<void> => {
    if (closed) return refuse()
    const entry: RunningMessage = { payload, since: Date.now() }
    running.push(entry)
    let handling: Promise<void>
    try {
      handling = Promise.resolve(eachMessage?.(payload))
    } catch (error) {
      handling = Promise.reject(error)
    }
    return handling.then(
      () => {
        if (autoCommit) uncommitted.done(payload.topic, payload.partition, payload.message.offset)
        return end(entry, true)
      },
      async (error: unknown) => {
        await end(entry)
        throw error
      },
    )
  }

  const onBatch = async (payload: BatchPayload): Promise<void> => {
    if (closed) return refuse()
    const { batch } = payload
    const entry: RunningBatch = { payload, since: Date.now(), resolved: undefined }
    let wasToldToStop = false
    const isRunning = (): boolean => {
      const goOn = !closed && payload.isRunning()
      if (!goOn) wasToldToStop = true
      return goOn
    }
    const resolveOffset = (offset: string): void => {
      payload.resolveOffset(offset)
      entry.resolved = offset
      if (autoCommit) uncommitted.done(batch.topic, batch.partition, offset)
    }
    running.push(entry)
    try {
      await eachBatch?.({ ...payload, isRunning, resolveOffset })
      // kafkajs would resolve the whole batch although the handler has left early: the rest of it would be lost.
      if (eachBatchAutoResolve && !wasToldToStop) resolveOffset(batch.lastOffset())
    } finally {
      await end(entry)
    }
  }

  /** Promises something only where kafkajs must not hear of it yet. */
  function end(entry: Running, isHandled = false): Promise<void> | undefined {
    if (held || abandoned) return endLate(entry, isHandled)
    remove(entry)
    return undefined
  }

  async function endLate(entry: Running, isHandled: boolean): Promise<void> {
    if (isHandled) handled.add(entry)
    await held
    handled.delete(entry)
    remove(entry)
    if (abandoned) await new Promise<never>(() => {})
  }

  function remove(entry: Running): void {
    if (running.at(-1) === entry) running.pop()
    else running.splice(running.indexOf(entry), 1)
    if (running.length === 0 && onIdle.size > 0) callAll(onIdle)
  }

  function holdFor(promise: Promise<unknown>): void {
    held = Promise.allSettled([held, promise])
  }

  return {
    runConfig: eachMessage ? { ...run, eachMessage: onMessage } : { ...run, eachBatch: onBatch, eachBatchAutoResolve: false },
    count: () => running.length,
    positions: () => running.flatMap(({ payload }) => ('message' in payload ? { topic: payload.topic, partition: payload.partition, offset: payload.message.offset } : [])),
    waitingFor: () => running.filter((entry) => !handled.has(entry)).map((entry) => `${describe(entry)} ${(Math.max(0, Date.now() - entry.since) / 1_000).toFixed(1)} s`),
    close() {
      closed = true
    },
    release,
    abandon() {
      abandoned = true
    },
    holdFor,
    whenIdle(callback) {
      if (running.length === 0) callback()
      else onIdle.add(callback)
    },
    beat() {
      // Which handler's does not matter, it is the member's; an error shows in kafkajs' own heartbeat after the message.
      const [first] = running
      if (!first) return
      const { payload } = first
      payload.heartbeat().catch(() => {})
      if (autoCommit && 'batch' in payload) holdFor(payload.commitOffsetsIfNecessary(payload.uncommittedOffsets()).catch(() => {}))
    },
  }
}

function describe(entry: Running): string {
  if (!('resolved' in entry)) return `${entry.payload.topic}[${entry.payload.partition}] offset ${entry.payload.message.offset}`
  const { batch } = entry.payload
  const last = batch.lastOffset()
  const next = entry.resolved === undefined ? (batch.firstOffset() ?? last) : String(BigInt(entry.resolved) + 1n)
  return `${batch.topic}[${batch.partition}] ${BigInt(next) > BigInt(last) ? `at the end of a batch, offset ${last}` : `offsets ${next} to ${last}`}`
}

function callAll(callbacks: Set<() => void>): void {
  const all = [...callbacks]
  callbacks.clear()
  for (const callback of all) callback()
}
