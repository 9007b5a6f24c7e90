import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks until `check` succeeds and resolves with what it said; rejects with its last error when `limitMs` have passed,
 * or at once with the reason of `signal`.
 */
export async function waitUntilReady<T>(check: () => Promise<T>, limitMs: number, signal?: AbortSignal): Promise<T> {
  const end = performance.now() + limitMs
  for (;;) {
    signal?.throwIfAborted()
    try {
      return await check()
    } catch (error) {
      signal?.throwIfAborted()
      if (performance.now() > end) throw error
    }
    await sleep(50)
  }
}
