import type { AnyListener } from './other-listeners.ts'

/** Of a source, in characters. */
const longestBeginning = 60

/** A text that a reader can search the code for: the listener's name and who added it; of a nameless one how it begins, where nobody knows who added it. */
export function describeListener(listener: AnyListener, addedBy?: string): string {
  const name = listener.name.replace(/^(bound )+/, '').trim()
  const by = addedBy === undefined ? '' : `, added by ${addedBy}`
  if (name !== '') return `function ${listener.name}${by}`
  if (addedBy !== undefined) return `a nameless function${by}`
  const beginning = beginningOf(sourceOf(listener))
  return beginning === undefined ? 'a nameless function that was bound' : `a nameless function that begins with \`${beginning}\``
}

/** Of a bound function it is `function () { [native code] }`. */
export function sourceOf(listener: AnyListener): string {
  return Function.prototype.toString.call(listener)
}

/** The first line, and the second where the first one only opens the body: `() => {` is in every file. */
function beginningOf(source: string): string | undefined {
  if (source.includes('[native code]')) return undefined
  const lines = source.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim()).filter((line) => line !== '')
  const text = lines.slice(0, lines[0]?.endsWith('{') ? 2 : 1).join(' ')
  if (text.length > longestBeginning) return `${text.slice(0, longestBeginning)}…`
  return text.length < source.replaceAll(/\s+/g, ' ').trim().length ? `${text} …` : text
}
