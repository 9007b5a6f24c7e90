/** Longest text in a bounded document, in characters; error messages can be whole responses. */
const longestText = 300

/**
 * Makes one line of JSON of at most `maxBytes` bytes: `head` whole, then as many of the `items` as fit, the most important
 * first, under `key`; `omitted` says how many did not. `head` must be small by itself: only its texts are shortened.
 */
export function fitJson(head: object, key: string, items: readonly object[], maxBytes: number): string {
  const texts: string[] = []
  // Besides the items: the key, the brackets and the count.
  let left = maxBytes - Buffer.byteLength(JSON.stringify(head, shorten)) - Buffer.byteLength(key) - 40
  for (const item of items) {
    const text = JSON.stringify(item, shorten)
    left -= Buffer.byteLength(text) + 1
    if (left < 0) break
    texts.push(text)
  }
  const omitted = items.length - texts.length
  const open = JSON.stringify({ ...head, ...(omitted > 0 ? { omitted } : {}) }, shorten).slice(0, -1)
  return `${open},${JSON.stringify(key)}:[${texts.join(',')}]}`
}

function shorten(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > longestText ? `${value.slice(0, longestText)}…` : value
}
