import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Runs `work` while no other process runs it under the same `file`, which holds the pid of the one that does. What a
 * killed process has left there does not count.
 *
 * @param onWait is told once, with the pid, when this has to wait for another process
 */
export async function oneAtATime(file, work, onWait) {
  await mkdir(dirname(file), { recursive: true })
  let told = false
  for (;;) {
    const holder = await take(file)
    if (holder === undefined) break
    if (!told) onWait(holder)
    told = true
    await sleep(200)
  }
  // A signal ends this process by `process.exit()`, which no `finally` sees.
  const giveBack = () => rmSync(file, { force: true })
  process.once('exit', giveBack)
  try {
    return await work()
  } finally {
    process.off('exit', giveBack)
    giveBack()
  }
}

/** @returns the pid of who has it; undefined when it is this process now */
async function take(file) {
  try {
    await writeFile(file, String(process.pid), { flag: 'wx' })
    return undefined
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  const pid = Number(await readFile(file, 'utf8').catch(() => ''))
  if (pid > 0 && isAlive(pid)) return pid
  // An empty file is one that is being written, or was on a full disk.
  if (pid > 0 || (await sleep(1_000).then(() => readFile(file, 'utf8')).catch(() => 'gone')) === '') await rm(file, { force: true })
  return take(file)
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
