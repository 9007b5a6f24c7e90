import { deepEqual, equal, fail, notEqual } from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Check } from './check.ts'
import { mustLeaveNoConnection, mustLeaveNothing } from './must-leave-nothing.ts'
import { eventually, settle, type Settlement } from './settle.ts'
import type { Trial } from './trial.ts'
import { watchProcess } from './watch-process.ts'

export const startChecks: readonly Check[] = [
  {
    name: 'start settles soon after it is aborted, though the peer is frozen',
    needs: ['resource.start', 'harness.freeze'],
    async run(trial) {
      const { kind } = await abortedStart(trial)
      notEqual(kind, 'pending', `start was still pending ${trial.bounds.settleMs} ms after its signal aborted`)
    },
  },
  {
    name: 'nothing is left of a start that was aborted, though the peer answers later: no timer, no socket',
    needs: ['resource.start', 'harness.freeze'],
    async run(trial) {
      const { kind } = await abortedStart(trial)
      // The engine stops what has started all the same; what has not is taken for released.
      if (kind === 'fulfilled') await trial.drain().settled(trial.bounds.settleMs)
      await trial.thaw()
      await mustLeaveNothing(trial, 'a start that was aborted, and which nobody drains')
      await mustLeaveNoConnection(trial, 'a start that was aborted, and which nobody drains')
    },
  },
  {
    name: 'nothing is left of a start that was cut, though the peer answers later: no timer, no socket',
    needs: ['resource.start', 'resource.force'],
    async run(trial) {
      await trial.freeze()
      const starting = settle(() => trial.resource.start?.({ signal: new AbortController().signal }), trial.bounds.settleMs)
      await trial.force()
      await starting
      await trial.thaw()
      await mustLeaveNothing(trial, 'a start that was cut')
      await mustLeaveNoConnection(trial, 'a start that was cut')
    },
  },
  {
    name: 'check passes when it is usable',
    needs: ['resource.check'],
    async run(trial) {
      await trial.ready()
      const checked = await checkOnce(trial)
      if (checked.kind === 'rejected') fail(`check rejected although the resource is usable: ${String(checked.error)}`)
      equal(checked.kind, 'fulfilled', `check had not settled after ${trial.bounds.settleMs} ms`)
    },
  },
  {
    name: 'checks that pass leave nothing that adds up: no timer, no socket',
    needs: ['resource.check'],
    async run(trial) {
      const { watchMs, settleMs } = trial.bounds
      await trial.ready()
      const watch = await watchProcess()
      try {
        await checkOnce(trial)
        // A pool may keep what the first one opened.
        const once = await watch.left(watchMs)
        await checkOnce(trial)
        await checkOnce(trial)
        const more = await eventually(() => watch.left(0), (left) => left.length === 0 || isDeepStrictEqual(left, once), settleMs)
        if (more.length > 0) deepEqual(more, once, 'still active in the process after three checks, more than after one')
      } finally {
        watch.end()
      }
    },
  },
  {
    name: 'check rejects when the peer is dead',
    needs: ['resource.check', 'harness.kill'],
    async run(trial) {
      await trial.ready()
      await trial.kill()
      equal(await checkedWithin(trial), 'rejected', 'check must reject, within its signal, when the peer is dead')
    },
  },
  {
    name: 'check rejects soon after its signal aborts, though the peer is frozen',
    needs: ['resource.check', 'harness.freeze'],
    async run(trial) {
      await trial.ready()
      await trial.freeze()
      equal(await checkedWithin(trial), 'rejected', 'check must reject, within its signal, when the peer is frozen')
    },
  },
  {
    name: 'nothing is left of a check that was cut off: no timer, no socket',
    needs: ['resource.check', 'harness.freeze'],
    async run(trial) {
      await trial.ready()
      const watch = await watchProcess()
      try {
        await trial.freeze()
        await checkedWithin(trial)
        deepEqual(await watch.left(trial.bounds.settleMs), [], 'still active in the process after a check that was cut off')
      } finally {
        watch.end()
      }
    },
  },
]

/** A stop begins while the resource waits for a peer that does not answer. */
async function abortedStart(trial: Trial): Promise<Settlement> {
  await trial.freeze()
  const abort = new AbortController()
  const starting = settle(() => trial.resource.start?.({ signal: abort.signal }), trial.bounds.settleMs)
  await settle(() => starting, trial.bounds.watchMs)
  abort.abort(new Error('a stop began'))
  return starting
}

function checkOnce({ resource, bounds }: Trial): Promise<Settlement> {
  return settle(() => resource.check?.({ signal: new AbortController().signal }), bounds.settleMs)
}

/** Runs `check` the way a readiness probe does: its signal aborts after a while, and nobody waits much longer. */
async function checkedWithin(trial: Trial): Promise<string> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(new Error('the check took too long')), trial.bounds.watchMs)
  const checked = await settle(() => trial.resource.check?.({ signal: abort.signal }), trial.bounds.watchMs + trial.bounds.settleMs)
  clearTimeout(timer)
  return checked.kind
}
