import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'

/** Gives `work` a new folder, whose path begins with `prefix`, and removes it afterwards: also when Ctrl-C ends this process, which no `finally` sees. */
export async function inUnfinishedFolder(prefix, work) {
  const folder = await mkdtemp(prefix)
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  process.once('exit', remove)
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
    process.off('exit', remove)
  }
}
