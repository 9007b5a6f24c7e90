import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

/** Above this nothing is a token, a namespace, or the certificates of one cluster. */
const largestFile = 1_024 * 1_024

/**
 * The text of a mounted file, without the space around it. Opened without waiting, since a thread that waits for the writer of a FIFO holds the
 * exit of the whole process; read only where it is a file, and at most 1 MiB of it.
 *
 * @throws Error with the path.
 */
export async function readMounted(path: string): Promise<string> {
  const handle = await openWithoutWaiting(path)
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new Error(`${path} is not a file`)
    if (stats.size > largestFile) throw tooLarge(path)
    return (await readAll(handle, path)).trim()
  } finally {
    await handle.close()
  }
}

async function openWithoutWaiting(path: string): Promise<FileHandle> {
  try {
    // Windows has no such flag.
    return await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`${path} does not exist; does the Pod, or its ServiceAccount, say automountServiceAccountToken: false?`, { cause: error })
  }
}

/** A file of /proc says 0 bytes and has more, so the size is not believed. */
async function readAll(handle: FileHandle, path: string): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for (;;) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(65_536), 0, 65_536, null)
    if (bytesRead === 0) return Buffer.concat(chunks).toString()
    size += bytesRead
    if (size > largestFile) throw tooLarge(path)
    chunks.push(buffer.subarray(0, bytesRead))
  }
}

function tooLarge(path: string): Error {
  return new Error(`${path} has more than ${largestFile} bytes`)
}
