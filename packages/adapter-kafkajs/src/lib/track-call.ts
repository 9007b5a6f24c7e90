import type { Tracker } from '@lameduck/core'
import { isRefusal } from './is-refusal.ts'

/** The call, counted; what a broker refuses for good is done. Rejects as the call does, and as `Tracker.track` says. */
export async function trackCall<T>(tracker: Tracker, what: () => string, call: () => Promise<T>): Promise<T> {
  const outcome = await tracker.track(what, async (): Promise<{ readonly value: T } | { readonly refusal: unknown }> => {
    try {
      return { value: await call() }
    } catch (error) {
      if (isRefusal(error)) return { refusal: error }
      throw error
    }
  })
  if ('refusal' in outcome) throw outcome.refusal
  return outcome.value
}
