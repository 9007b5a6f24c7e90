import type { CheckResult } from '@lameduck/core'

export interface CachedChecksInput {
  readonly run: () => Promise<readonly CheckResult[]>
  /** How long an answer is given again, in ms after it came. */
  readonly cacheMs: number
  /** Monotonic ms. */
  readonly now: () => number
}

/**
 * Runs the checks at most once at a time and once per `cacheMs`, so that a probe port that anyone can reach is no way
 * to load the database.
 */
export function cachedChecks({ run, cacheMs, now }: CachedChecksInput): () => Promise<readonly CheckResult[]> {
  let current: Promise<readonly CheckResult[]> | undefined
  let freshUntil = Infinity

  return () => {
    if (current && now() < freshUntil) return current
    freshUntil = Infinity
    const running = run()
    current = running
    running.then(
      () => (freshUntil = now() + cacheMs),
      () => (current = undefined),
    )
    return running
  }
}
