import type { BatchPayload, MessagePayload, RunConfig } from './consumer-client.ts'

export interface Handlers {
  /** The run configuration with handlers that are counted and can be held back. */
  readonly runConfig: RunConfig
  readonly count: () => number
  /** One text each, newest last. */
  readonly waitingFor: () => readonly string[]
  /** Lets no handler begin from now on. */
  close(): void
  /** Lets go, unhandled, of what was held back: the consumer must have been told to stop. */
  release(): void
  /** kafkajs never hears again of a handler that ends from now on, so that it does not try for seconds to commit it to nobody. */
  abandon(): void
  /** Calls back when no handler runs: at once, or in the tick in which the last one ends. */
  whenIdle(callback: () => void): void
  /** Tells the group that this member is alive, while a handler runs. */
  readonly beat: () => void
}

interface Running {
  readonly what: string
  readonly since: number
  readonly heartbeat: () => Promise<void>
}

/** Wraps the handlers of `run`. Whatever else it has is passed on as it is. */
export function trackHandlers(run: RunConfig): Handlers {
  const { eachMessage, eachBatch, autoCommit = true, eachBatchAutoResolve = true } = run
  const running = new Set<Running>()
  const onIdle = new Set<() => void>()
  let closed = false
  let abandoned = false
  let release = (): void => {}
  const released = new Promise<void>((resolve) => (release = resolve))

  async function track(entry: Running, handle: () => Promise<void>): Promise<void> {
    if (closed) return refuse()
    running.add(entry)
    try {
      await handle()
    } finally {
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
    const what = `${payload.topic}[${payload.partition}] offset ${payload.message.offset}`
    await track({ what, since: performance.now(), heartbeat: () => payload.heartbeat() }, async () => eachMessage?.(payload))
  }

  const onBatch = async (payload: BatchPayload): Promise<void> => {
    const { batch } = payload
    const what = `${batch.topic}[${batch.partition}] offsets ${batch.firstOffset()} to ${batch.lastOffset()}`
    let wasToldToStop = false
    const isRunning = (): boolean => {
      const goOn = !closed && payload.isRunning()
      if (!goOn) wasToldToStop = true
      return goOn
    }
    await track({ what, since: performance.now(), heartbeat: () => payload.heartbeat() }, async () => {
      await eachBatch?.({ ...payload, isRunning })
      // kafkajs would resolve the whole batch although the handler has left early: the rest of it would be lost.
      if (eachBatchAutoResolve && !wasToldToStop) payload.resolveOffset(batch.lastOffset())
    })
  }

  return {
    runConfig: eachMessage ? { ...run, eachMessage: onMessage } : { ...run, eachBatch: onBatch, eachBatchAutoResolve: false },
    count: () => running.size,
    waitingFor: () => [...running].map(({ what, since }) => `${what} ${((performance.now() - since) / 1_000).toFixed(1)} s`),
    close() {
      closed = true
    },
    release,
    abandon() {
      abandoned = true
    },
    whenIdle(callback) {
      if (running.size === 0) callback()
      else onIdle.add(callback)
    },
    beat() {
      // Which handler's does not matter, it is the member's; an error shows in kafkajs' own heartbeat after the message.
      const [first] = running
      first?.heartbeat().catch(() => {})
    },
  }
}

function callAll(callbacks: Set<() => void>): void {
  const all = [...callbacks]
  callbacks.clear()
  for (const callback of all) callback()
}
