import type * as nodeFs from 'node:fs'

/** What the writer needs of `node:fs`; a parameter, because a worker thread runs this function from its text and imports nothing. */
export type MessageFs = Pick<typeof nodeFs, 'openSync' | 'fstatSync' | 'writeSync' | 'ftruncateSync' | 'closeSync'>

/**
 * Replaces the termination message, and returns whether that worked: a file that is missing or cannot be written is
 * no error, since nobody may have asked for a message.
 *
 * In Kubernetes the file is a bind mount, so it can be written but not replaced: a rename fails with EBUSY. It is
 * valid JSON at every moment all the same, even if SIGKILL comes in between: one write at position 0, padded with
 * spaces to the length of what was there, and only then cut to its own length.
 *
 * Self-contained: it refers to nothing outside itself but `Buffer`, so that its text also runs in the watchdog's thread.
 *
 * @param path a file that exists; it is never created, since outside a container `/dev` is everybody's
 * @param message valid JSON, at most 4,096 bytes: kubelet reads no more, and cuts from the front
 */
export function writeTerminationMessage(fs: MessageFs, path: string, message: string): boolean {
  let file: number | undefined
  try {
    file = fs.openSync(path, 'r+')
    const text = Buffer.from(message)
    // The bound is for a path that names something else by mistake.
    const padded = Buffer.alloc(Math.max(text.length, Math.min(fs.fstatSync(file).size, 65_536)), ' ')
    text.copy(padded)
    fs.writeSync(file, padded, 0, padded.length, 0)
    fs.ftruncateSync(file, text.length)
    return true
  } catch {
    return false
  } finally {
    try {
      if (file !== undefined) fs.closeSync(file)
    } catch {
      // It has been written.
    }
  }
}
