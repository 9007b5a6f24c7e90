import type { AnyListener } from './other-listeners.ts'

const longestSource = 80

/** A text that a reader can search the code for: the listener's name, or how it begins, and who added it. */
export function describeListener(listener: AnyListener, addedBy?: string): string {
  const source = sourceOf(listener).replaceAll(/\s+/g, ' ')
  const name = listener.name === '' ? (source.length > longestSource ? `${source.slice(0, longestSource)}…` : source) : `function ${listener.name}`
  return addedBy === undefined ? name : `${name}, added by ${addedBy}`
}

/** Of a bound function it is `function () { [native code] }`. */
export function sourceOf(listener: AnyListener): string {
  return Function.prototype.toString.call(listener)
}
