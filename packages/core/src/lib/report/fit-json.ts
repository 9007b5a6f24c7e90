/** Longest text in a bounded document, in characters, tried one after the other; error messages can be whole responses. */
const longestTexts = [300, 100, 30, 5]

/**
 * Makes one line of JSON of at most `maxBytes` bytes: `head`, then as many of the `items` as fit, the most important
 * first, under `key`; `omitted` says how many did not. Long texts are shortened, as much as it takes for `head`, which must have no
 * long lists.
 */
export function fitJson(head: object, key: string, items: readonly object[], maxBytes: number): string {
  let start = ''
  let longest = 0
  for (longest of longestTexts) {
    start = JSON.stringify(head, shorten(longest)).slice(0, -1)
    if (Buffer.byteLength(start) <= maxBytes / 2) break
  }
  const texts: string[] = []
  // Besides the items: the key, the brackets and the count.
  let left = maxBytes - Buffer.byteLength(start) - Buffer.byteLength(key) - 40
  for (const item of items) {
    const text = JSON.stringify(item, shorten(longest))
    left -= Buffer.byteLength(text) + 1
    if (left < 0) break
    texts.push(text)
  }
  const omitted = items.length - texts.length
  return `${start}${omitted > 0 ? `,"omitted":${omitted}` : ''},${JSON.stringify(key)}:[${texts.join(',')}]}`
}

function shorten(longest: number): (key: string, value: unknown) => unknown {
  return (_key, value) => (typeof value === 'string' && value.length > longest ? `${value.slice(0, longest)}…` : value)
}
