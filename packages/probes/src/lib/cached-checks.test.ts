import type { CheckResult } from '@lameduck/core'
import { expect, test } from 'vitest'
import { cachedChecks } from './cached-checks.ts'

test('checks run once at a time, and their answer lasts for cacheMs after it came', async () => {
  let runs = 0
  let nowMs = 0
  let answer: (results: readonly CheckResult[]) => void = () => {}
  const checks = cachedChecks({
    run: () => {
      runs += 1
      return new Promise((resolve) => (answer = resolve))
    },
    cacheMs: 1_000,
    now: () => nowMs,
  })
  const first = checks()
  nowMs = 5_000
  const second = checks()
  expect(runs).toBe(1)
  answer([])
  expect(await Promise.all([first, second])).toEqual([[], []])
  nowMs = 5_999
  await checks()
  expect(runs).toBe(1)
  nowMs = 6_000
  void checks()
  expect(runs).toBe(2)
})

test('cacheMs 0 runs the checks for every request that does not overlap', async () => {
  let runs = 0
  const checks = cachedChecks({ run: async () => ((runs += 1), []), cacheMs: 0, now: () => 1 })
  await checks()
  await checks()
  expect(runs).toBe(2)
})
