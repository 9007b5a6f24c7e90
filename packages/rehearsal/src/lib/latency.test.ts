import { expect, it } from 'vitest'
import { summariseLatency } from './latency.ts'

it('takes the nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  expect(summariseLatency(hundred)).toEqual({ p50Ms: 50, p90Ms: 90, p99Ms: 99, maxMs: 100 })
  expect(summariseLatency([3.14159])).toEqual({ p50Ms: 3.1, p90Ms: 3.1, p99Ms: 3.1, maxMs: 3.1 })
  expect(summariseLatency([])).toEqual({ p50Ms: 0, p90Ms: 0, p99Ms: 0, maxMs: 0 })
})
