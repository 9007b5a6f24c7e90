import type { Duplex } from 'node:stream'

/**
 * Calls `then` once something has been written to the stream and its writer has had its turn: before the `101` of an upgrade a close
 * frame would be garbage, and so it would be in the middle of what is written in one turn.
 */
export function afterFirstWrite(stream: Duplex, then: () => void): void {
  const before = Object.getOwnPropertyDescriptor(stream, 'write')
  const write = stream.write.bind(stream) as (...parameters: unknown[]) => boolean
  let isWritten = false

  function writeFirst(...parameters: unknown[]): boolean {
    if (!isWritten) setImmediate(then)
    isWritten = true
    // Whoever has wrapped it meanwhile goes on calling it.
    if (Object.getOwnPropertyDescriptor(stream, 'write')?.value === writeFirst) {
      if (before) Object.defineProperty(stream, 'write', before)
      else Reflect.deleteProperty(stream, 'write')
    }
    return write(...parameters)
  }
  stream.write = writeFirst
}
