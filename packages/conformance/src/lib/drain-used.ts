import type { Trial } from './trial.ts'

/** A whole life in which all goes well. */
export async function drainUsed(trial: Trial): Promise<void> {
  await trial.finish(await trial.busyIfAble())
  trial.preStop(true)
  trial.quiesce()
  await trial.drain().settled(trial.bounds.settleMs)
}
