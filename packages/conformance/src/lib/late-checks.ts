import { equal } from 'node:assert/strict'
import { callLoops } from './call-loops.ts'
import type { Check } from './check.ts'
import { mustFulfil } from './must-fulfil.ts'
import { ownDrainMs, type Trial } from './trial.ts'
import { useOnce } from './use-once.ts'

/** A stop that waits with nothing in hand takes the time of those who still have work. */
export const lateChecks: readonly Check[] = [
  {
    name: 'drain with nothing in flight ends by itself, though the peer is frozen',
    needs: ['harness.freeze'],
    async run(trial) {
      await trial.ready()
      await trial.freeze()
      await mustEndByItself(trial, 'with nothing in flight and a frozen peer')
    },
  },
  {
    name: 'drain with nothing in flight ends by itself when the peer is dead',
    needs: ['harness.kill'],
    async run(trial) {
      await trial.ready()
      await trial.kill()
      await mustEndByItself(trial, 'with nothing in flight and a dead peer')
    },
  },
  {
    name: 'drain ends by itself although loops go on using it',
    needs: ['harness.offer that serves after quiesce'],
    async run(trial) {
      await trial.ready()
      const loops = callLoops(trial)
      try {
        await mustEndByItself(trial, 'that is used in loops')
      } finally {
        await loops.end()
      }
    },
  },
  {
    name: 'drain serves a caller that makes one call after the other, to its last',
    needs: ['harness.busy', 'harness.offer that serves after quiesce', 'harness.callers here'],
    async run(trial) {
      await trial.ready()
      const work = await trial.busy()
      trial.quiesce()
      const draining = trial.drain()
      const calling = work.outcome.then(() => useOnce(trial)).then(async (second) => [second, await useOnce(trial)])
      await trial.finish(work)
      for (const answer of await calling) equal(answer, true, `a call that was made as soon as the one before it was answered, while it drained, was refused: ${String(answer)}`)
      await draining.settled(trial.bounds.settleMs)
    },
  },
]

/** It has lost nothing, and there is nothing to wait for. */
async function mustEndByItself(trial: Trial, which: string): Promise<void> {
  trial.quiesce()
  await mustFulfil(trial.drain(), ownDrainMs(trial.bounds), which)
}
