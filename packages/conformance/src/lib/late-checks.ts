import { equal, fail } from 'node:assert/strict'
import { callLoops } from './call-loops.ts'
import type { Check } from './check.ts'
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

async function mustEndByItself(trial: Trial, what: string): Promise<void> {
  const ms = ownDrainMs(trial.bounds)
  trial.quiesce()
  const settled = await trial.drain().settled(ms)
  if (settled.kind === 'pending') fail(`drain ${what} was still pending after ${ms} ms, though there is nothing to wait for`)
  if (settled.kind === 'rejected') fail(`drain ${what} rejected: ${String(settled.error)}; nothing has been lost`)
}
