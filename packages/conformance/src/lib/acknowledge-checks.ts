import { equal, fail } from 'node:assert/strict'
import type { Check } from './check.ts'
import type { Acknowledgement } from './harness.ts'
import { settle } from './settle.ts'
import type { Trial } from './trial.ts'

/** Those that have taken work before the stop still have to say that it is done. */
export const acknowledgeChecks: readonly Check[] = [
  {
    name: 'the harness: nothing is acknowledged to a dead peer',
    needs: ['harness.acknowledge', 'harness.kill'],
    async run(trial) {
      await trial.ready()
      await mustArrive(trial, await trial.acknowledge(), 'before anything had stopped')
      await trial.kill()
      const { answer } = await trial.acknowledge()
      const answered = await settle(() => answer, trial.bounds.watchMs)
      equal(answered.kind === 'fulfilled', false, "the harness's acknowledge() was answered although its peer is dead")
    },
  },
  {
    name: 'can be told of work that is done, after quiesce and until it drains',
    needs: ['harness.acknowledge'],
    async run(trial) {
      await trial.ready()
      trial.quiesce()
      await mustArrive(trial, await trial.acknowledge(), 'between quiesce and drain')
    },
  },
  {
    name: 'drain waits for what tells it of work that is done',
    needs: ['harness.acknowledge'],
    async run(trial) {
      await trial.ready()
      trial.quiesce()
      const acknowledging = trial.acknowledge()
      const draining = trial.drain()
      await mustArrive(trial, await acknowledging, 'in the tick of quiesce, just before it drained')
      await draining.settled(trial.bounds.settleMs)
    },
  },
  {
    name: 'can be told of work that is done while it drains',
    needs: ['harness.acknowledge', 'harness.busy'],
    async run(trial) {
      await trial.ready()
      const work = await trial.busy()
      trial.quiesce()
      const draining = trial.drain()
      await mustArrive(trial, await trial.acknowledge(), 'while it drained')
      await trial.finish(work)
      await draining.settled(trial.bounds.settleMs)
    },
  },
  {
    name: 'never says that it was told of work when it has drained and was not',
    needs: ['harness.acknowledge'],
    async run(trial) {
      await trial.ready()
      trial.quiesce()
      await trial.drain().settled(trial.bounds.settleMs)
      const { answer, arrived } = await trial.acknowledge()
      const answered = await settle(() => answer, trial.bounds.settleMs)
      if (answered.kind === 'pending') fail(`an acknowledgement after the drain had no answer after ${trial.bounds.settleMs} ms: its caller waits for ever`)
      if (answered.kind === 'fulfilled') equal(await arrived(), true, 'an acknowledgement after the drain was answered as if it had been done, and the peer has nothing of it: it must reject')
    },
  },
]

async function mustArrive({ bounds }: Trial, { answer, arrived }: Acknowledgement, when: string): Promise<void> {
  const answered = await settle(() => answer, bounds.settleMs)
  if (answered.kind === 'rejected') fail(`an acknowledgement ${when} was refused: ${String(answered.error)}; who has taken work before the stop still needs this resource`)
  if (answered.kind === 'pending') fail(`an acknowledgement ${when} had no answer after ${bounds.settleMs} ms`)
  equal(await arrived(), true, `an acknowledgement ${when} was answered as if it had been done, and the peer has nothing of it`)
}
