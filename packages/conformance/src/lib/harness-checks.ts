import { equal } from 'node:assert/strict'
import type { Check } from './check.ts'
import { settle } from './settle.ts'
import type { Trial } from './trial.ts'

/** A harness that cannot freeze or kill would let every check of a frozen or dead peer pass. */
export const harnessChecks: readonly Check[] = [
  {
    name: 'the harness: nothing is served by a frozen peer',
    needs: ['harness.offer', 'harness.freeze'],
    async run(trial) {
      await trial.ready()
      const watchMs = await longEnough(trial)
      await trial.freeze()
      const offered = trial.offer()
      offered.catch(() => {})
      const early = await settle(() => offered, watchMs)
      equal(early.kind === 'fulfilled' && early.value, false, "the harness's offer() was served although its peer is frozen")
      await trial.thaw()
      await settle(() => offered, trial.bounds.harnessMs)
    },
  },
  {
    name: 'the harness: nothing is served by a dead peer',
    needs: ['harness.offer', 'harness.kill'],
    async run(trial) {
      await trial.ready()
      const watchMs = await longEnough(trial)
      await trial.kill()
      const offered = await settle(() => trial.offer(), watchMs)
      equal(offered.kind === 'fulfilled' && offered.value, false, "the harness's offer() was served although its peer is dead")
    },
  },
]

/** Work that takes a while when all is well would not be served within `watchMs` by any peer. */
async function longEnough(trial: Trial): Promise<number> {
  const begunAt = performance.now()
  equal(await trial.offer(), true, "the harness's offer() was not served although nothing had been done to its peer")
  return trial.bounds.watchMs + 3 * (performance.now() - begunAt)
}
