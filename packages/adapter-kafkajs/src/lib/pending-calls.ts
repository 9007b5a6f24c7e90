/** Calls of a client that are under way. */
export interface PendingCalls {
  readonly count: () => number
  /** One text each, oldest first. */
  readonly waitingFor: () => readonly string[]
  /** Something is under way from now on, until the function that is returned is called. `reject` is called when it is cut. */
  begin(what: () => string, reject?: (error: Error) => void): () => void
  /** The call, counted; refused once the client is closed, and rejected when it is cut. */
  track<T>(what: () => string, call: () => Promise<T>): Promise<T>
  /** Calls back when nothing is under way: at once, or in the tick in which the last one ends. */
  readonly whenIdle: (callback: () => void) => void
  /** Rejects every later call with this. */
  close(error: Error): void
  /** Rejects those that are under way, too. */
  cut(error: Error): void
}

interface Pending {
  readonly what: () => string
  readonly since: number
  readonly reject: (error: Error) => void
}

export function createPendingCalls(): PendingCalls {
  const pending = new Set<Pending>()
  const onIdle = new Set<() => void>()
  let closedBy: Error | undefined

  function begin(what: () => string, reject: (error: Error) => void = () => {}): () => void {
    const entry = { what, since: performance.now(), reject }
    pending.add(entry)
    return () => {
      if (!pending.delete(entry) || pending.size > 0) return
      const callbacks = [...onIdle]
      onIdle.clear()
      for (const callback of callbacks) callback()
    }
  }

  return {
    count: () => pending.size,
    waitingFor: () => [...pending].map(({ what, since }) => `${what()} ${((performance.now() - since) / 1_000).toFixed(1)} s`),
    begin,
    track(what, call) {
      if (closedBy) return Promise.reject(closedBy)
      return new Promise((resolve, reject) => {
        const end = begin(what, reject)
        // kafkajs throws some of its errors at once.
        const called = (async () => call())()
        called.then(
          (value) => {
            resolve(value)
            end()
          },
          (error: unknown) => {
            reject(error)
            end()
          },
        )
      })
    },
    whenIdle(callback) {
      if (pending.size === 0) callback()
      else onIdle.add(callback)
    },
    close(error) {
      closedBy ??= error
    },
    cut(error) {
      closedBy = error
      for (const { reject } of pending) reject(error)
    },
  }
}
