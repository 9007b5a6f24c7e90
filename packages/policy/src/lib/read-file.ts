import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { LifecycleError, oneLine } from '@lameduck/core'

/** A policy has some hundred bytes; above this it is something else. */
const largestFile = 1_024 * 1_024

/**
 * The text of a policy's file, without the byte order mark that some editors write. Opened without waiting, since a FIFO without a writer would hold the
 * whole process for ever; read only where it is a file, and at most 1 MiB of it.
 *
 * @throws LifecycleError `invalid-option` that names the file.
 */
export function readFile(file: string): string {
  try {
    return textOf(readBytes(file))
  } catch (cause) {
    throw new LifecycleError('invalid-option', oneLine(`the policy ${file.slice(0, 500)} cannot be read: ${(cause as Error).message}`), { cause })
  }
}

function readBytes(file: string): Buffer {
  // Windows has no such flag.
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    if (!fstatSync(descriptor).isFile()) throw new Error('it is not a file')
    // A file of /proc says 0 bytes and has more, so the size is not asked for.
    const bytes = Buffer.alloc(largestFile + 1)
    let size = 0
    for (let more = 1; more > 0 && size < bytes.length; size += more) more = readSync(descriptor, bytes, size, bytes.length - size, null)
    if (size > largestFile) throw new Error(`it has more than ${largestFile} bytes`)
    return bytes.subarray(0, size)
  } finally {
    closeSync(descriptor)
  }
}

function textOf(bytes: Buffer): string {
  if (bytes[0] === 0xff || bytes[0] === 0xfe) throw new Error('it is UTF-16; save it as UTF-8')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('it is not UTF-8')
  }
}
