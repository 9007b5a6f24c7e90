import type { Resource } from '@lameduck/core'
import type { Subject } from '../src/index.ts'

/** Runs jobs in this process; a job is told by its signal that it was cancelled. */
export interface JobRunner extends Subject {
  run(job: (cancelled: AbortSignal) => Promise<void>): Promise<void>
  cancelAll(): void
}

export function createJobRunner(): JobRunner {
  const running = new Set<Promise<void>>()
  const cancel = new AbortController()
  let refusing = false
  const cancelAll = (): void => cancel.abort()
  const resource: Resource = {
    name: 'jobs',
    phase: 'work',
    quiesce() {
      refusing = true
    },
    inFlight: () => running.size,
    async drain({ signal }) {
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      if (!signal.aborted) await Promise.race([Promise.allSettled(running), aborted])
    },
    force: cancelAll,
  }
  return {
    resource,
    cancelAll,
    run(job) {
      if (refusing) return Promise.reject(new Error('refused: the service stops'))
      const run = job(cancel.signal).then(() => {
        running.delete(run)
        if (cancel.signal.aborted) throw new Error('cancelled')
      })
      running.add(run)
      return run
    },
  }
}
