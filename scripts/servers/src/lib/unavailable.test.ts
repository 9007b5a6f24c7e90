import { expect, test } from 'vitest'
import { failureOf, tellingLine } from './unavailable.ts'

test('the line that says most of what a program wrote', () => {
  const output = 'begin\n\u001B[31m[ERROR] first\u001B[0m\nfatal: last\n\nend\n'
  expect(tellingLine(output, 'first')).toBe('[ERROR] first')
  expect(tellingLine(output, 'last')).toBe('fatal: last')
  expect(tellingLine('one\ntwo\n', 'first')).toBe('two')
  expect(tellingLine('', 'last')).toBe('it wrote nothing')
})

test('a long line keeps its end, where the cause is', () => {
  const line = tellingLine(`error: ${'x'.repeat(1_000)}: No space left on device`, 'first')
  expect(line.length).toBeLessThan(300)
  expect(line).toMatch(/^error: x+ … x+: No space left on device$/)
})

test('a failure that looks like a missing network says so', () => {
  expect(failureOf('npm error code EAI_AGAIN\nnpm error errno\n')).toBe('npm error code EAI_AGAIN (is there a network?)')
  expect(failureOf('E: No space left on device.\n')).toBe('E: No space left on device')
})
