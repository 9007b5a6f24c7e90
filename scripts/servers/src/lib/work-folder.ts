import { mkdir } from 'node:fs/promises'
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

/**
 * Gives `work` a folder below the cache that is removed afterwards, also when this process is killed. What is finished
 * is renamed out of it, so that the cache never holds half of anything.
 *
 * @throws Unavailable if the cache cannot be written to
 */
export async function inWorkFolder<T>(cacheFolder: string, work: (workFolder: WorkFolder) => Promise<T>): Promise<T> {
  const guarded = await mkdir(cacheFolder, { recursive: true })
    .then(async () => guardProcess(join(cacheFolder, 'unfinished-')))
    .catch((error: unknown) => {
      throw notWritable(cacheFolder, error)
    })
  const { folder } = guarded
  const run: WorkFolder['run'] = async (command, args, env) => {
    const launch: Launch = { command, args, env, cwd: folder, stopSignal: 'SIGKILL' }
    await guardedRun(guarded, launch)
  }
  try {
    return await work({ folder, run })
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? notWritable(cacheFolder, error) : error
  } finally {
    await guarded.stop()
  }
}

function notWritable(cacheFolder: string, error: unknown): Unavailable {
  return new Unavailable(`${cacheFolder} cannot be written to (${whyNot(error)}); make room there, or make it writable`)
}
