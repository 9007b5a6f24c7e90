import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Exit, GuardedProcess, StartedProcess } from './guarded-process.ts'
import type { Launch } from './recipe.ts'
import { Unavailable, failureOf, whyNot } from './unavailable.ts'

/**
 * Runs a program under a guardian to its end.
 *
 * @throws Unavailable if it cannot be run, or its exit code is not 0; the message has its most telling line
 */
export async function guardedRun(guarded: GuardedProcess, launch: Launch): Promise<void> {
  const before = (await readLog(guarded)).length
  const exit = await guarded.awaitExit(await guardedStart(guarded, launch))
  if (exit.code === 0) return
  throw new Unavailable(`${launch.command} failed (${describeExit(exit)}): ${failureOf((await readLog(guarded)).slice(before))}`)
}

export async function guardedStart(guarded: GuardedProcess, launch: Launch): Promise<StartedProcess> {
  return guarded.start(launch).catch((error: unknown) => {
    throw new Unavailable(`${launch.command} cannot be run (${whyNot(error)})`)
  })
}

export async function readLog({ folder }: GuardedProcess): Promise<string> {
  return readFile(join(folder, 'log'), 'utf8').catch(() => '')
}

export function describeExit({ code, signal }: Exit): string {
  return signal ?? `exit code ${code}`
}
