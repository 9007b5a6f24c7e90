import { equal } from 'node:assert/strict'
import type { Check } from './check.ts'
import { settle } from './settle.ts'

/** A harness that cannot freeze or kill would let every check of a frozen or dead peer pass. */
export const harnessChecks: readonly Check[] = [
  {
    name: 'the harness: nothing is served by a frozen peer',
    needs: ['harness.offer', 'harness.freeze'],
    async run(trial) {
      await trial.ready()
      await trial.freeze()
      const offered = trial.offer()
      offered.catch(() => {})
      const early = await settle(() => offered, trial.bounds.watchMs)
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
      await trial.kill()
      const offered = await settle(() => trial.offer(), trial.bounds.watchMs)
      equal(offered.kind === 'fulfilled' && offered.value, false, "the harness's offer() was served although its peer is dead")
    },
  },
]
