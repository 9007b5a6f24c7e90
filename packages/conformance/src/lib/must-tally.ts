import { show, type Tally } from '@lameduck/core'
import { equal, fail, ok } from 'node:assert/strict'
import type { Trial } from './trial.ts'

const counts = ['done', 'failed', 'cut', 'refused', 'unknown'] as const

type Counts = Partial<Record<(typeof counts)[number], number>>

/** The tally, of the right shape. */
export function readTally({ resource }: Trial): Tally {
  let tally: Tally | undefined
  try {
    tally = resource.tally?.()
  } catch (error) {
    fail(`tally() threw: ${String(error)}; it must not, in any state`)
  }
  for (const count of counts) ok(Number.isInteger(tally?.[count]) && Number(tally?.[count]) >= 0, `tally().${count} must be a whole number, at least 0; it is ${show(tally?.[count])}`)
  const reasons: unknown = tally?.reasons
  const areTexts = Array.isArray(reasons) && reasons.length <= 5 && reasons.every((text) => typeof text === 'string' && text.trim() !== '' && !text.includes('\n'))
  ok(areTexts, `tally().reasons must be at most 5 texts of one line; it is ${show(reasons)}`)
  return tally as Tally
}

/** What is not expected must be 0. */
export function mustTally(trial: Trial, expected: Counts, when: string): void {
  const wanted = describe({ done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, ...expected })
  equal(countsOf(trial), wanted, `tally() ${when} must have ${wanted}; it has ${countsOf(trial)}`)
}

/** `2 done, 0 failed, 1 cut, 0 refused, 0 unknown` */
export function countsOf(trial: Trial): string {
  return describe(readTally(trial))
}

function describe(tally: Counts): string {
  return counts.map((count) => `${tally[count]} ${count}`).join(', ')
}
