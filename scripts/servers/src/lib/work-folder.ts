import { mkdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { guardProcess } from './guarded-process.ts'
import { guardedRun } from './guarded-run.ts'
import type { Launch } from './recipe.ts'
import { Unavailable, whyNot } from './unavailable.ts'

export interface WorkFolder {
  readonly folder: string
  /** Runs a program in the folder to its end; it dies with this process. Throws `Unavailable` if its exit code is not 0. */
  readonly run: (command: string, args: readonly string[], env: NodeJS.ProcessEnv) => Promise<void>
}

/** The largest of what is fetched, and what its package manager needs beside it. */
const neededBytes = 200_000_000
const limitMs = 10 * 60_000

/**
 * Gives `work` a folder below the cache that is removed afterwards, also when this process is killed. What is finished
 * is renamed out of it, so that the cache never holds half of anything.
 *
 * @throws Unavailable if the cache cannot be written to
 */
export async function inWorkFolder<T>(cacheFolder: string, work: (workFolder: WorkFolder) => Promise<T>): Promise<T> {
  const guarded = await mkdir(cacheFolder, { recursive: true })
    .then(async () => requireRoom(cacheFolder, neededBytes))
    .then(async () => guardProcess(join(cacheFolder, 'unfinished-')))
    .catch((error: unknown) => {
      throw error instanceof Unavailable ? error : notWritable(cacheFolder, error)
    })
  const { folder } = guarded
  const run: WorkFolder['run'] = async (command, args, env) => {
    const launch: Launch = { command, args, env, cwd: folder, stopSignal: 'SIGKILL' }
    // No fetch may keep its user waiting for ever; apt-get, for one, hangs when the disk is full.
    const late = setTimeout(() => void guarded.signal('SIGKILL').catch(() => {}), limitMs)
    await guardedRun(guarded, launch).finally(() => clearTimeout(late))
  }
  try {
    return await work({ folder, run })
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? notWritable(cacheFolder, error) : error
  } finally {
    await guarded.stop()
  }
}

/** Throws `Unavailable` unless that many bytes are free in the folder. */
export async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const megabytes = (value: number): string => `${Math.floor(value / 1_000_000)} MB`
  if (bavail * bsize < bytes) throw new Unavailable(`${folder} has ${megabytes(bavail * bsize)} free, ${megabytes(bytes)} are needed to fetch it; make room there`)
}

function notWritable(cacheFolder: string, error: unknown): Unavailable {
  return new Unavailable(`${cacheFolder} cannot be written to (${whyNot(error)}); make room there, or make it writable`)
}
