import type { Draining, Trial } from './trial.ts'

/** What the engine does with a drain: waits for it, and cuts it when its time is over or when it rejects. */
export async function endDrain(trial: Trial, draining: Draining, ms: number): Promise<void> {
  const { kind } = await draining.settled(ms)
  if (kind === 'fulfilled') return
  draining.abort()
  await trial.force()
}
