import { expect, test } from 'vitest'
import type { Resource } from '../resource.ts'
import type { Tally } from '../work/tally.ts'
import { describeFailures, readTally } from './read-tally.ts'

const nothing: Tally = { done: 0, failed: 0, cut: 0, refused: 0, unknown: 0, reasons: [] }

function read(tally: () => unknown): Tally | undefined {
  return readTally({ name: 'pool', phase: 'connections', drain() {}, tally: tally as NonNullable<Resource['tally']> })
}

test('what counts nothing has no tally', () => {
  expect(readTally({ name: 'pool', phase: 'connections', drain() {} })).toBeUndefined()
})

test.each<[string, () => unknown, string]>([
  ['throws', () => { throw new TypeError('no') }, 'tally: TypeError: no'],
  ['throws what cannot be shown', () => { throw Object.create(null) }, 'tally: a value that cannot be shown'],
  ['returns nothing', () => undefined, 'tally: TypeError: Cannot read properties of undefined'],
  ['returns a text', () => '3 done', 'tally: done must be a number of units; it is undefined (undefined)'],
  ['counts with a text', () => ({ ...nothing, failed: '1' }), 'tally: failed must be a number of units; it is "1" (string)'],
  ['counts below zero', () => ({ ...nothing, cut: -1 }), 'tally: cut must be a number of units; it is -1 (number)'],
  ['counts without end', () => ({ ...nothing, refused: Infinity }), 'tally: refused must be a number of units; it is Infinity (number)'],
  ['has reasons that throw', () => Object.defineProperty({ ...nothing }, 'reasons', { get: () => { throw new Error('no') } }), 'tally: no'],
])('of a tally that %s nobody can tell', (_what, tally, why) => {
  expect(read(tally)).toEqual({ ...nothing, unknown: 1, reasons: [expect.stringContaining(why)] })
})

// Catches: an uncaught error, which would end the process while it stops.
test('an async tally is unreadable, and its rejection is no uncaught error', async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', onUnhandled)
  expect(read(() => Promise.reject(new Error('no')))).toMatchObject({ unknown: 1 })
  await new Promise((resolve) => setTimeout(resolve, 10))
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

test('only what a tally has is taken: five reasons, shortened, and no other property', () => {
  const tally = read(() => ({ ...nothing, done: 2, reasons: ['x'.repeat(1_000), 7, null, 'four', 'five', 'six'], password: 's3cret' }))
  expect(tally).toEqual({ ...nothing, done: 2, reasons: ['x'.repeat(220), '7', 'null', 'four', 'five'] })
  expect(read(() => ({ ...nothing, reasons: 'because' }))).toEqual(nothing)
})

test('tells how many failed of what was waited for, and why', () => {
  expect(describeFailures({ ...nothing, done: 4, failed: 15, cut: 1, refused: 7, reasons: ['SELECT: timeout (×15)', 'INSERT: gone'] })).toBe(
    '15 of 20 failed while it stopped (SELECT: timeout (×15); INSERT: gone)',
  )
  expect(describeFailures({ ...nothing, failed: 1 })).toBe('1 of 1 failed while it stopped')
})
