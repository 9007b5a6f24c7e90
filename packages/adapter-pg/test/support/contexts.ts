import { inspect } from 'node:util'
import type { DrainContext, ForceContext, Resource } from '@lameduck/core'

const reason = { kind: 'programmatic' } as const

/** What the engine gives to `drain`, with the deadline in the test's hands. */
export function draining(resource: Resource): { readonly done: Promise<void>; abort(): void } {
  const controller = new AbortController()
  const deadline = performance.now() + 60_000
  const context: DrainContext = { reason, deadline, remaining: () => deadline - performance.now(), signal: controller.signal }
  const done = Promise.resolve(resource.drain(context))
  done.catch(() => {})
  return { done, abort: () => controller.abort(new Error('the deadline has passed')) }
}

const tickMs = 10

/**
 * Forces as the engine does at a deadline, and tells how long it took, in ms: what it has waited and computed, without what the process had
 * to wait for the machine's other processes.
 */
export async function force(resource: Resource, boundMs = 100): Promise<number> {
  const context: ForceContext = { reason, boundMs }
  const cpuBefore = process.cpuUsage()
  let ticks = 0
  const ticking = setInterval(() => (ticks += 1), tickMs)
  try {
    await resource.force?.(context)
  } finally {
    clearInterval(ticking)
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  return Math.max(ticks * tickMs, (user + system) / 1_000)
}

/** Counts how promises end, without waiting for them. */
export function count(promises: readonly Promise<unknown>[]): { fulfilled: number; rejected: number; pending: number; readonly errors: string[] } {
  const counts = { fulfilled: 0, rejected: 0, pending: promises.length, errors: [] as string[] }
  for (const promise of promises) {
    promise.then(
      () => (counts.fulfilled += 1),
      (error: unknown) => {
        counts.rejected += 1
        // Some libraries wrap what they were told.
        counts.errors.push(error instanceof Error && error.cause instanceof Error ? `${String(error)}: ${error.cause.message}` : String(error))
      },
    ).finally(() => (counts.pending -= 1))
  }
  return counts
}

/** Asks again until the answer is as wanted, which it returns; fails with the last answer after `withinMs`. */
export async function eventually<T>(ask: () => Promise<T> | T, isWanted: (answer: T) => boolean, withinMs = 2_000): Promise<T> {
  const until = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (isWanted(answer)) return answer
    if (performance.now() > until) throw new Error(`after ${withinMs} ms it is still ${inspect(answer)}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
