import { runInThisContext } from 'node:vm'
import { expect, test } from 'vitest'
import { describeListener } from './describe-listener.ts'
import type { AnyListener } from './other-listeners.ts'

/** Of a text, since what compiles the tests changes functions. */
function nameless(source: string): AnyListener {
  return runInThisContext(`(${source})`) as AnyListener
}

test.each<[string, AnyListener, string | undefined, string]>([
  ['a name', function close() {}, undefined, 'function close'],
  ['a name and a place', function close() {}, 'boot (file:///app/close.js:3:9)', 'function close, added by boot (file:///app/close.js:3:9)'],
  ['a bound name', function close() {}.bind(undefined), undefined, 'function bound close'],
  ['a place', nameless('() => { process.exit(0) }'), 'file:///app/close.js:3:9', 'a nameless function, added by file:///app/close.js:3:9'],
  ['one line', nameless('() => process.exit(0)'), undefined, 'a nameless function that begins with `() => process.exit(0)`'],
  ['several lines', nameless('async () => {\n\n    await close()\n    process.exit(0)\n  }'), undefined, 'a nameless function that begins with `async () => { await close() …`'],
  ['a minified source', nameless(`()=>{${'closeEverything();'.repeat(1_000)}}`), undefined, `a nameless function that begins with \`()=>{${'closeEverything();'.repeat(4).slice(0, 55)}…\``],
  ['nothing but that it was bound', nameless('() => 1').bind(undefined), undefined, 'a nameless function that was bound'],
])('a listener of which there is %s', (_what, listener, addedBy, text) => {
  expect(describeListener(listener, addedBy)).toBe(text)
})
