import type { Socket } from 'node:net'

/** Each answer begins with its size. */
const sizeBytes = 4

/**
 * Makes a socket tell of whole answers only, and returns it.
 *
 * kafkajs 2.2.4 keeps the beginning of an answer when the connection is lost, and takes what comes on the next one for the rest of it
 * (`connection.js`). It then waits for what never comes, or reads beyond the end, and that RangeError ends the process.
 */
export function tellWholeAnswers(socket: Socket): Socket {
  const emit = Reflect.get(socket, 'emit') as (...values: unknown[]) => boolean
  let parts: Buffer[] = []
  let length = 0
  let needed = sizeBytes

  function take(chunk: Buffer): boolean {
    parts.push(chunk)
    length += chunk.length
    if (length < needed) return true
    const all = parts.length > 1 ? Buffer.concat(parts, length) : chunk
    const end = endOfAnswers(all)
    const rest = all.subarray(end)
    parts = rest.length > 0 ? [rest] : []
    length = rest.length
    needed = rest.length < sizeBytes ? sizeBytes : sizeBytes + rest.readInt32BE(0)
    return end === 0 || tell('data', end === all.length ? all : all.subarray(0, end))
  }

  function tell(...values: unknown[]): boolean {
    return Reflect.apply(emit, socket, values)
  }

  return Object.assign(socket, {
    emit: (event: string, ...values: unknown[]) => (event === 'data' ? take(values[0] as Buffer) : tell(event, ...values)),
  })
}

/** Where the last whole one ends. What is not an answer at all is left to kafkajs. */
function endOfAnswers(all: Buffer): number {
  let end = 0
  while (all.length - end >= sizeBytes) {
    const size = all.readInt32BE(end)
    if (size < 0) return all.length
    if (all.length - end - sizeBytes < size) break
    end += sizeBytes + size
  }
  return end
}
