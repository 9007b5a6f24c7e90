import { expect, test } from 'vitest'
import { variantFrom } from './arguments.ts'

test('runs Express with lameduck by default', () => {
  expect(variantFrom([])).toEqual({ framework: 'express', helper: 'lameduck' })
})

test('takes both options', () => {
  expect(variantFrom(['--framework', 'nest', '--helper=lameduck'])).toEqual({ framework: 'nest', helper: 'lameduck' })
})

test.each([
  [['--framework', 'koa'], '--framework "koa" is not known; choose one of express, fastify, nest'],
  [['--helper', 'none'], '--helper "none" is not known; choose one of lameduck, baseline'],
  [['--framework', 'nest', '--helper', 'baseline'], '--helper baseline exists for express only; --framework is "nest"'],
  [['--frame', 'nest'], 'Known are --framework express|fastify|nest and --helper lameduck|baseline.'],
])('refuses %j and lists what there is', (argv, message) => {
  expect(() => variantFrom(argv)).toThrow(message)
})
