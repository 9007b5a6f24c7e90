import { equal, fail, ok } from 'node:assert/strict'
import type { Check } from './check.ts'
import type { Trial } from './trial.ts'

/** Longest time for a call that must return at once, in ms: a GC pause and a busy machine fit in. */
const atOnceMs = 50

export const quiesceChecks: readonly Check[] = [
  {
    name: 'quiesce returns at once, with nothing to wait for',
    needs: ['resource.quiesce'],
    async run(trial) {
      await trial.ready()
      await trial.busyIfAble()
      const begunAt = performance.now()
      const returned: unknown = trial.quiesce()
      const tookMs = performance.now() - begunAt
      equal(returned, undefined, 'quiesce must return nothing: whatever it returns is not waited for')
      ok(tookMs < atOnceMs, `quiesce took ${tookMs.toFixed(0)} ms; every resource is quiesced in one tick`)
    },
  },
  {
    name: 'quiesce may be repeated, and come before the start',
    needs: ['resource.quiesce'],
    async run(trial) {
      quiesceOrFail(trial, 'before the start')
      quiesceOrFail(trial, 'repeated')
    },
  },
  {
    name: 'accepts nothing after quiesce',
    needs: ['resource.quiesce', 'harness.offer that refuses after quiesce'],
    async run(trial) {
      await trial.ready()
      equal(await trial.offer(), true, 'the harness could not do work even before quiesce')
      trial.quiesce()
      equal(await trial.offer(), false, 'work that was offered after quiesce was accepted')
    },
  },
  {
    name: 'goes on serving after quiesce, until it drains',
    needs: ['harness.offer that serves after quiesce'],
    async run(trial) {
      await trial.ready()
      equal(await trial.offer(), true, 'the harness could not do work even before quiesce')
      trial.quiesce()
      equal(await trial.offer(), true, 'work that was offered between quiesce and drain was refused; those who finish their own work still need this resource')
    },
  },
]

function quiesceOrFail(trial: Trial, when: string): void {
  try {
    trial.quiesce()
  } catch (error) {
    fail(`quiesce (${when}) threw: ${String(error)}`)
  }
}
