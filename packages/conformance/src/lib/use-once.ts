import { settle } from './settle.ts'
import type { Trial } from './trial.ts'

/** What one caller is told. That it waits for ever is the resource's doing, and not the harness's. */
export async function useOnce(trial: Trial): Promise<unknown> {
  const used = await settle(() => trial.use(), trial.bounds.settleMs)
  if (used.kind === 'rejected') throw used.error
  return used.kind === 'fulfilled' ? used.value : 'no answer'
}
