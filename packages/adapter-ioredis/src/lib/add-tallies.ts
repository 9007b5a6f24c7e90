import type { Tally } from '@lameduck/core'

/** What two that count have counted together. */
export function addTallies(one: Tally, other: Tally): Tally {
  return {
    done: one.done + other.done,
    failed: one.failed + other.failed,
    cut: one.cut + other.cut,
    refused: one.refused + other.refused,
    unknown: one.unknown + other.unknown,
    reasons: [...one.reasons, ...other.reasons],
  }
}
