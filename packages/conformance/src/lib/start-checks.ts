import { equal, fail, notEqual } from 'node:assert/strict'
import type { Check } from './check.ts'
import { settle } from './settle.ts'

export const startChecks: readonly Check[] = [
  {
    name: 'start settles soon after it is aborted, though the peer is frozen',
    needs: ['resource.start', 'harness.freeze'],
    async run(trial) {
      await trial.freeze()
      const abort = new AbortController()
      const starting = settle(() => trial.resource.start?.({ signal: abort.signal }), trial.bounds.settleMs)
      abort.abort(new Error('a stop began'))
      notEqual((await starting).kind, 'pending', `start was still pending ${trial.bounds.settleMs} ms after its signal aborted`)
    },
  },
  {
    name: 'check passes when it is usable',
    needs: ['resource.check'],
    async run(trial) {
      await trial.ready()
      const checked = await settle(() => trial.resource.check?.({ signal: new AbortController().signal }), trial.bounds.settleMs)
      if (checked.kind === 'rejected') fail(`check rejected although the resource is usable: ${String(checked.error)}`)
      equal(checked.kind, 'fulfilled', `check had not settled after ${trial.bounds.settleMs} ms`)
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
]

/** Runs `check` the way a readiness probe does: its signal aborts after a while, and nobody waits much longer. */
async function checkedWithin(trial: Parameters<Check['run']>[0]): Promise<string> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(new Error('the check took too long')), trial.bounds.settleMs / 4)
  const checked = await settle(() => trial.resource.check?.({ signal: abort.signal }), trial.bounds.settleMs)
  clearTimeout(timer)
  return checked.kind
}
