import { expect, test } from 'vitest'
import { describeError, describeStack, describeValue } from './describe-value.ts'
import { longestText, oneLine, severalLines } from './foreign-text.ts'

/** What was measured to take 2.3 s of a blocked loop with a tenth of it, and grows with the square. */
const spaces = ' '.repeat(1_000_000)

test('a run of spaces in an error takes no time that grows with its square', () => {
  expect(describeError(new Error(`not a number: "${spaces}"`))).toMatch(/^not a number: " +… \(1000016 characters\)$/)
  expect(describeStack(new Error(`not a number: "${spaces}\n${spaces}"`)).length).toBeLessThan(17_000)
})

test('an error of 100 MB is a text of 2,000 characters', () => {
  const error = new Error('x'.repeat(100_000_000))
  expect(describeError(error)).toHaveLength(longestText + '… (100000000 characters)'.length)
  expect(describeValue('y'.repeat(100_000_000))).toMatch(/^y{2000}… \(100000000 characters\)$/)
})

test('bytes and long lists are told by their size', () => {
  expect(describeValue(Buffer.alloc(50_000_000))).toBe('Buffer of 50000000 bytes')
  expect(describeValue(new Float64Array(2))).toBe('Float64Array of 16 bytes')
  expect(describeValue(Array.from({ length: 1_000_000 }, () => 1))).toBe('[1, 1, 1, 1, 1, …]')
})

test('what moves a cursor, or turns the direction of a text, is shown as its code', () => {
  expect(oneLine('a\u001b[2Jb\u009b31mc\u0000d\u202ee\u2066f\u007f\r')).toBe(String.raw`a\x1b[2Jb\x9b31mc\x00d\u202ee\u2066f\x7f\x0d`)
  expect(describeValue('\ud83d')).toBe(String.raw`\ud83d`)
  expect(describeValue('Zürich 😀\tok')).toBe('Zürich 😀 ok')
})

test('a character that a cut has halved does not get into a log', () => {
  expect(oneLine(`${'a'.repeat(longestText - 1)}😀`)).toBe(String.raw`${'a'.repeat(longestText - 1)}\ud83d… (2001 characters)`)
})

test('lines of an error do not pass for lines of the log', () => {
  expect(severalLines('no\nlameduck: stopped on SIGTERM\n    at file.js:1:1\n')).toBe('no\n    lameduck: stopped on SIGTERM\n    at file.js:1:1\n    ')
  expect(oneLine('no  \n  lameduck: stopped')).toBe('no lameduck: stopped')
})

test('the frames of an error with a long message are still told', () => {
  const error = new Error('z'.repeat(1_000_000))
  expect(describeStack(error)).toMatch(/^Error: z{7993}… \(\d+ characters\)\n[^]*foreign-text\.test\.ts:\d+:\d+[^]*$/)
})

test('a text of nothing but control characters is no longer than another', () => {
  expect(oneLine('\u2028'.repeat(1_999)).length).toBeLessThanOrEqual(longestText + 1)
  expect(oneLine(`${'\u0000'.repeat(300)}${'😀'.repeat(800)}a`)).not.toMatch(/\p{Cs}/u)
  expect(oneLine(`${'\u0000'.repeat(300)}b${'😀'.repeat(800)}a`)).not.toMatch(/\p{Cs}/u)
  expect(severalLines('\u0000'.repeat(15_000)).length).toBeLessThanOrEqual(16_001)
})
