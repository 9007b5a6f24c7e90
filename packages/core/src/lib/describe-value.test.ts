import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { describeError, describeValue } from './describe-value.ts'
import { show } from './errors.ts'

class Pool {
  readonly password = 'secret'
}

// Catches: `it was given [object Object]`, which says nothing of the client that was mixed up with another.
test.each<[string, unknown, string]>([
  ['the class of a client', new Pool(), 'Pool (object)'],
  ['the class of a server', createServer(), 'Server (object)'],
  ['the keys of a plain object, and no value', { kind: 'secret', at: 1 }, '{ kind, at } (object)'],
  ['a key that hides the class', { constructor: 'secret' }, '{ constructor } (object)'],
  ['no more than five keys', { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 }, '{ a, b, c, d, e, … } (object)'],
  ['what is in an array', [new Pool(), 'a', ['b'], {}], '[Pool, a, […], {}] (object)'],
  ['an own text', new URL('http://localhost/a'), 'http://localhost/a (object)'],
  ['a function', () => {}, 'a function (function)'],
  ['nothing', null, 'null (null)'],
])('shows %s', (_what, value, text) => {
  expect(show(value)).toBe(text)
})

test('shows what was thrown and is no error', () => {
  expect(describeError({ code: 'E_LATE', message: 'late' })).toBe('{ code, message }')
  expect(describeValue(Object.create(null))).toBe('a value that cannot be shown')
})
