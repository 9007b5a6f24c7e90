import type { Tally } from './tally.ts'

type Read = () => Tally

/** How often a tally has counted an error as failed work, by the error. */
const counted = new WeakMap<object, Map<Read, number>>()

/** A tally has counted `error`, and its step will tell of it. */
export function noteCounted(error: unknown, read: Read): void {
  if (typeof error !== 'object' || error === null) return
  const times = counted.get(error) ?? new Map<Read, number>()
  counted.set(error, times.set(read, (times.get(read) ?? 0) + 1))
}

/**
 * Whether one of these tallies has counted `error`, which then ended up unhandled as well: told once, it is told. Each count stands for one
 * such error, so that what else throws the same object is still told.
 */
export function takeCounted(error: unknown, tallies: readonly unknown[]): boolean {
  const times = typeof error === 'object' && error !== null ? counted.get(error) : undefined
  const read = tallies.find((tally): tally is Read => typeof tally === 'function' && (times?.get(tally as Read) ?? 0) > 0)
  if (!read || !times) return false
  times.set(read, (times.get(read) ?? 0) - 1)
  return true
}
