import { setTimeout } from 'node:timers/promises'

/** How long handlers are waited for whose answers have ended, in ms: one may hang on a client that is told no more. What takes longer should be `trackedWork`. */
const handlerMs = 2_000
const pauseMs = 16

/** Waits until none is left, at most for 2 s. */
export async function untilHandlersEnd(count: () => number, signal?: AbortSignal): Promise<void> {
  const latest = performance.now() + handlerMs
  while (count() > 0 && performance.now() < latest && signal?.aborted !== true) await setTimeout(pauseMs)
}
