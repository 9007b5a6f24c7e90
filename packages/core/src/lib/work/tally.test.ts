import { expect, test } from 'vitest'
import { createTally, sumTallies } from './tally.ts'

test('counts from begin() on, and not before', () => {
  const tally = createTally()
  tally.done(5)
  tally.failed('SELECT', new Error('before'))
  expect(tally.read()).toEqual({ done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] })
  tally.begin()
  tally.done(2)
  tally.done()
  tally.cut(4)
  tally.begin()
  expect(tally.read()).toEqual({ done: 3, failed: 0, cut: 4, refused: 0, unknown: 0, reasons: [] })
})

test('says why, once for each kind, with how often', () => {
  const tally = createTally()
  tally.begin()
  for (let n = 0; n < 16; n += 1) tally.failed('SELECT', new TypeError('timeout\n  at once'))
  tally.refused('INCR')
  tally.unknown('send to orders: connection lost', 3)
  expect(tally.read()).toEqual({
    done: 0,
    failed: 16,
    cut: 0,
    refused: 1,
    unknown: 3,
    reasons: ['SELECT: TypeError: timeout at once (×16)', 'INCR: refused', 'send to orders: connection lost (×3)'],
  })
})

test('keeps five kinds of reasons, each of 200 characters, and counts the rest all the same', () => {
  const tally = createTally()
  tally.begin()
  for (let n = 0; n < 1_000; n += 1) tally.failed(`query ${n}`, 'x'.repeat(5_000))
  for (let n = 0; n < 3; n += 1) tally.failed('query 0', 'x'.repeat(5_000))
  const { failed, reasons } = tally.read()
  expect(failed).toBe(1_003)
  expect(reasons).toHaveLength(5)
  expect(reasons[0]).toMatch(/^query 0: x{191}… \(×4\)$/)
})

test('what was read does not change afterwards', () => {
  const tally = createTally()
  tally.begin()
  const before = tally.read()
  tally.done()
  tally.refused('INCR')
  expect(before).toEqual({ done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] })
})

test('what is doubted counts where it came in the last 30 s before begin(), or later', () => {
  const tally = createTally()
  for (let n = 0; n < 10; n += 1) tally.doubt(n < 7 ? `listener ${n}` : 'listener 0', 'no promise')
  expect(tally.read().unknown).toBe(0)
  tally.begin()
  tally.begin()
  tally.doubt('listener 0', 'no promise')
  expect(tally.read()).toMatchObject({ done: 0, unknown: 11, reasons: ['listener 0: no promise (×5)', 'listener 1: no promise', 'listener 2: no promise', 'listener 3: no promise', 'listener 4: no promise'] })
})

test('several parts are told as one', () => {
  const one = { done: 1, failed: 2, cut: 3, refused: 4, unknown: 5, reasons: ['SET: gone'] }
  expect(sumTallies([one, { ...one, reasons: ['GET: refused'] }])).toEqual({ done: 2, failed: 4, cut: 6, refused: 8, unknown: 10, reasons: ['SET: gone', 'GET: refused'] })
  expect(sumTallies([])).toEqual({ done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] })
})
