import { equal, fail, notEqual } from 'node:assert/strict'
import type { Check } from './check.ts'
import { mustFulfil } from './must-fulfil.ts'
import type { Trial } from './trial.ts'

export const drainChecks: readonly Check[] = [
  {
    name: 'drain finishes what is in flight, and only then settles',
    needs: ['harness.busy'],
    async run(trial) {
      const { watchMs, settleMs } = trial.bounds
      await trial.ready()
      const works = await trial.busyTwice()
      trial.quiesce()
      const draining = trial.drain()
      for (const work of works) {
        const early = await draining.settled(watchMs)
        if (early.kind !== 'pending') fail(`drain settled (${early.kind}) after ${early.tookMs.toFixed(0)} ms while work was still in flight`)
        equal(await trial.finish(work), 'finished', 'work that was in flight at quiesce and drain did not finish')
      }
      await mustFulfil(draining, settleMs, 'after its work had finished')
    },
  },
  {
    name: 'drain of a resource that never started settles',
    needs: [],
    async run(trial) {
      await mustFulfil(trial.drain(), trial.bounds.settleMs, 'of a resource that never started')
    },
  },
  {
    name: 'drain called several times, at once and after one another, is one drain',
    needs: [],
    async run(trial) {
      const { settleMs, watchMs } = trial.bounds
      await trial.ready()
      const work = await trial.busyIfAble()
      trial.quiesce()
      const calls = [trial.drain(), trial.drain()]
      if (work) {
        for (const { kind } of await Promise.all(calls.map((call) => call.settled(watchMs)))) {
          equal(kind, 'pending', `one of two drains that were called at once settled (${kind}) while work was still in flight`)
        }
      }
      await trial.finish(work)
      for (const call of calls) await mustFulfil(call, settleMs, 'called twice at once')
      await mustFulfil(trial.drain(), settleMs, 'called again when it was over')
    },
  },
  {
    name: 'drain settles soon after it is aborted, with work in flight',
    needs: ['harness.busy'],
    async run(trial) {
      await trial.ready()
      await trial.busyTwice()
      await mustSettleWhenAborted(trial, 'with work in flight')
    },
  },
  {
    name: 'drain settles soon when its signal had aborted before, with work in flight',
    needs: ['harness.busy'],
    async run(trial) {
      await trial.ready()
      await trial.busy()
      trial.quiesce()
      const { kind } = await trial.drain(true).settled(trial.bounds.settleMs)
      notEqual(kind, 'pending', `drain was still pending after ${trial.bounds.settleMs} ms, though its signal had aborted before it was called`)
    },
  },
  {
    name: 'drain settles soon after it is aborted, though the peer is frozen',
    needs: ['harness.freeze'],
    async run(trial) {
      await trial.ready()
      await trial.busyIfAble()
      await trial.freeze()
      await mustSettleWhenAborted(trial, 'with a frozen peer')
    },
  },
  {
    name: 'drain settles soon after it is aborted, when the peer is dead',
    needs: ['harness.kill'],
    async run(trial) {
      await trial.ready()
      await trial.busyIfAble()
      await trial.kill()
      await mustSettleWhenAborted(trial, 'with a dead peer')
    },
  },
  {
    name: 'drain after force settles',
    needs: ['resource.force'],
    async run(trial) {
      await trial.ready()
      await trial.busyIfAble()
      await trial.force()
      notEqual((await trial.drain().settled(trial.bounds.settleMs)).kind, 'pending', 'drain after force never settled')
    },
  },
]

async function mustSettleWhenAborted(trial: Trial, when: string): Promise<void> {
  const { settleMs } = trial.bounds
  trial.quiesce()
  const draining = trial.drain()
  await draining.settled(trial.bounds.watchMs)
  draining.abort()
  notEqual((await draining.settled(settleMs)).kind, 'pending', `drain ${when} was still pending ${settleMs} ms after its signal aborted`)
}
