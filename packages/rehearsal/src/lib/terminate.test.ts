import { expect, it } from 'vitest'
import { killAfterMs } from './terminate.ts'

it.each([
  { graceMs: 30_000, preStopMs: 0, leastMs: 2_000, expected: 30_000 },
  { graceMs: 30_000, preStopMs: 10_990, leastMs: 2_000, expected: 20_000 },
  { graceMs: 30_000, preStopMs: 30_000, leastMs: 2_000, expected: 2_000 },
  { graceMs: 1_000, preStopMs: 0, leastMs: 2_000, expected: 2_000 },
  { graceMs: 600, preStopMs: 600, leastMs: 0, expected: 600 },
])('grace $graceMs, preStop $preStopMs: SIGKILL $expected ms after the signal', ({ graceMs, preStopMs, leastMs, expected }) => {
  expect(killAfterMs(graceMs, preStopMs, leastMs)).toBe(expected)
})
