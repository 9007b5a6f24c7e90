import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable, whyNot } from './unavailable.ts'

const heartbeatMs = 2_000
/** A lock whose holder has not shown a sign of life for so long is nobody's. */
const staleMs = 20_000

/**
 * Runs `work` while no other process does the same. The lock saves work; it does not protect the cache: everything is
 * fetched beside its place, verified and renamed, so that even two holders do each other no harm.
 *
 * A lock is stale when its process is gone, or (from another machine or container) when it has not been touched for 20 s.
 */
export async function withInstallLock<T>(cacheFolder: string, name: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  const file = join(cacheFolder, `${name}.lock`)
  const mine = JSON.stringify({ pid: process.pid, host: hostname() })
  let told = false
  while (!(await take(cacheFolder, file, mine))) {
    if (await isStale(file)) {
      // A rename succeeds for one of those who found it stale.
      const away = `${file}.${process.pid}`
      await rename(file, away).then(async () => rm(away, { force: true })).catch(() => {})
      continue
    }
    if (!told) onWait()
    told = true
    await sleep(200)
  }
  const beat = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => {}), heartbeatMs)
  try {
    return await work()
  } finally {
    clearInterval(beat)
    if ((await readFile(file, 'utf8').catch(() => '')) === mine) await rm(file, { force: true })
  }
}

async function take(cacheFolder: string, file: string, content: string): Promise<boolean> {
  try {
    await mkdir(cacheFolder, { recursive: true })
    await writeFile(file, content, { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw new Unavailable(`${cacheFolder} cannot be written to (${whyNot(error)}); make room there, or make it writable`)
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    if (Date.now() - (await stat(file)).mtimeMs > staleMs) return true
    const { pid, host } = JSON.parse(await readFile(file, 'utf8')) as { pid: number; host: string }
    return host === hostname() && !isAlive(pid)
  } catch {
    // Gone already, or still being written.
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
