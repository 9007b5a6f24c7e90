import { fail, notEqual } from 'node:assert/strict'
import type { WatchedWork } from './call-harness.ts'
import type { Check } from './check.ts'
import { settle } from './settle.ts'
import type { Trial } from './trial.ts'

export const forceChecks: readonly Check[] = [
  {
    name: 'force settles within its bound: never started',
    needs: ['resource.force'],
    run: (trial) => mustForce(trial, 'never started'),
  },
  {
    name: 'force settles within its bound: starting',
    needs: ['resource.force', 'resource.start'],
    async run(trial) {
      await trial.freeze()
      const starting = settle(() => trial.resource.start?.({ signal: new AbortController().signal }), trial.bounds.settleMs)
      await mustForce(trial, 'starting')
      notEqual((await starting).kind, 'pending', 'start was still pending after force')
    },
  },
  {
    name: 'force settles within its bound: idle',
    needs: ['resource.force'],
    async run(trial) {
      await trial.ready()
      await mustForce(trial, 'idle')
    },
  },
  {
    name: 'force settles within its bound: busy, and no caller is left waiting',
    needs: ['resource.force', 'harness.busy'],
    async run(trial) {
      await trial.ready()
      const works = await trial.busyTwice()
      await mustForce(trial, 'busy')
      for (const work of works) await mustEnd(trial, work, 'busy')
    },
  },
  {
    name: 'force settles within its bound: draining, without waiting for drain',
    needs: ['resource.force'],
    async run(trial) {
      await trial.ready()
      const work = await trial.busyIfAble()
      trial.quiesce()
      const draining = trial.drain()
      await mustForce(trial, 'draining')
      notEqual((await draining.settled(trial.bounds.settleMs)).kind, 'pending', 'drain was still pending after force')
      await mustEnd(trial, work, 'draining')
    },
  },
  {
    name: 'force settles within its bound: drained',
    needs: ['resource.force'],
    async run(trial) {
      await trial.ready()
      trial.quiesce()
      await trial.drain().settled(trial.bounds.settleMs)
      await mustForce(trial, 'drained')
    },
  },
  {
    name: 'force settles within its bound: frozen peer',
    needs: ['resource.force', 'harness.freeze'],
    async run(trial) {
      await trial.ready()
      const work = await trial.busyIfAble()
      await trial.freeze()
      await mustForce(trial, 'frozen peer')
      // The caller may be the frozen peer itself.
      await trial.thaw()
      await mustEnd(trial, work, 'frozen peer')
    },
  },
  {
    name: 'force settles within its bound: frozen peer, with a drain waiting for it',
    needs: ['resource.force', 'harness.freeze'],
    async run(trial) {
      await trial.ready()
      const work = await trial.busyIfAble()
      await trial.freeze()
      trial.quiesce()
      const draining = trial.drain()
      await draining.settled(trial.bounds.watchMs)
      draining.abort()
      await mustForce(trial, 'frozen peer, with a drain waiting for it')
      await trial.thaw()
      await mustEnd(trial, work, 'frozen peer, with a drain waiting for it')
    },
  },
  {
    name: 'force settles within its bound: dead peer',
    needs: ['resource.force', 'harness.kill'],
    async run(trial) {
      await trial.ready()
      const work = await trial.busyIfAble()
      await trial.kill()
      await mustForce(trial, 'dead peer')
      await mustEnd(trial, work, 'dead peer')
    },
  },
  {
    name: 'force settles within its bound: several times, at once and after one another',
    needs: ['resource.force'],
    async run(trial) {
      await trial.ready()
      await trial.busyIfAble()
      await Promise.all([mustForce(trial, 'first'), mustForce(trial, 'second, at once')])
      await mustForce(trial, 'third, when it was over')
    },
  },
]

async function mustForce(trial: Trial, state: string): Promise<void> {
  const { slackMs } = trial.bounds
  const boundMs = trial.resource.forceMs ?? 100
  const forced = await trial.force()
  if (forced.kind === 'rejected') fail(`force (${state}) threw: ${String(forced.error)}; it must not, in any state`)
  if (forced.kind === 'pending') fail(`force (${state}) was still pending after ${boundMs} ms, its bound, and ${slackMs} ms more`)
  // A promise settles before the timer beside it when the event loop was blocked all the while.
  if (forced.tookMs > boundMs + slackMs) fail(`force (${state}) took ${forced.tookMs.toFixed(0)} ms, and blocked the process; its bound is ${boundMs} ms, and ${slackMs} ms were allowed more`)
}

async function mustEnd(trial: Trial, work: WatchedWork | undefined, state: string): Promise<void> {
  const ended = await settle(() => work?.outcome, trial.bounds.settleMs)
  if (ended.kind === 'pending') fail(`work that was in flight at force (${state}) had neither finished nor failed ${trial.bounds.settleMs} ms later: its caller waits for ever`)
}
