import { expect, test } from 'vitest'
import { rejectionMode } from './uncaught-errors.ts'

test.each<[string[], string | undefined, string]>([
  [[], undefined, 'throw'],
  [['--unhandled-rejections=warn'], undefined, 'warn'],
  [['--enable-source-maps', '--unhandled-rejections', 'none'], '', 'none'],
  [[], '--max-old-space-size=64 --unhandled-rejections=strict', 'strict'],
  // The command line comes after NODE_OPTIONS, and the last one counts.
  [['--unhandled-rejections=throw'], '--unhandled-rejections=none', 'throw'],
])('%j with NODE_OPTIONS %s is %s', (execArgv, nodeOptions, mode) => {
  expect(rejectionMode(execArgv, nodeOptions)).toBe(mode)
})
