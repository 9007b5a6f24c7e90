import { equal } from 'node:assert/strict'
import { callLoops } from './call-loops.ts'
import type { Check } from './check.ts'
import { mustFulfil } from './must-fulfil.ts'
import { eventually } from './settle.ts'
import { ownDrainMs, type Draining, type Trial } from './trial.ts'

/** Somewhat longer than the engine gives a resource to count down, in ms: it looks at least five times. */
const countedDownMs = 50

/** A drain that ends while work goes on is `unknown` to the engine, and not drained. */
export const endedChecks: readonly Check[] = [
  {
    name: 'nothing is in flight when drain has resolved',
    needs: ['resource.inFlight', 'harness.busy'],
    async run(trial) {
      await trial.ready()
      const works = await trial.busyTwice()
      trial.quiesce()
      const draining = trial.drain()
      for (const work of works) void trial.finish(work)
      await mustFulfil(draining, ownDrainMs(trial.bounds), 'of work that ends')
      await mustHaveEnded(trial, draining)
    },
  },
  {
    name: 'nothing is in flight when drain has resolved, although loops go on using it',
    needs: ['resource.inFlight', 'harness.offer that serves after quiesce'],
    async run(trial) {
      await trial.ready()
      const loops = callLoops(trial)
      trial.quiesce()
      try {
        const draining = trial.drain()
        await mustFulfil(draining, ownDrainMs(trial.bounds), 'that is used in loops')
        await mustHaveEnded(trial, draining)
      } finally {
        await loops.end()
      }
    },
  },
  {
    name: 'nothing is in flight when drain has resolved, though the peer died in it',
    needs: ['resource.inFlight', 'harness.busy', 'harness.kill'],
    async run(trial) {
      await trial.ready()
      await trial.busyTwice()
      trial.quiesce()
      const draining = trial.drain()
      await trial.kill()
      await mustHaveEnded(trial, draining)
    },
  },
]

/** One that rejects, or has not ended, is cut by the engine, and has said nothing. */
async function mustHaveEnded(trial: Trial, draining: Draining): Promise<void> {
  const { kind } = await draining.settled(ownDrainMs(trial.bounds))
  if (kind !== 'fulfilled') return draining.abort()
  const left = await eventually(() => trial.resource.inFlight?.(), (now) => now === 0, countedDownMs)
  equal(left, 0, `drain has resolved, and ${countedDownMs} ms later inFlight() is ${left}: it must wait for all that it counts, or refuse, cut and uncount it`)
}
