import { equal, fail } from 'node:assert/strict'
import type { Check } from './check.ts'
import { mustReturnAtOnce } from './must-return-at-once.ts'
import { settle } from './settle.ts'
import type { Trial } from './trial.ts'

const unable = 'the harness could not do work even before it'

export const quiesceChecks: readonly Check[] = [
  {
    name: 'preStop returns at once, whenever it is called: before the start, idle, quiesced, drained',
    needs: ['resource.preStop'],
    async run(trial) {
      const bothWays = (): void => {
        for (const announced of [true, true, false, false, true]) mustReturnAtOnce('preStop', trial.preStop(announced))
      }
      bothWays()
      await trial.ready()
      bothWays()
      trial.quiesce()
      bothWays()
      await trial.drain().settled(trial.bounds.settleMs)
      bothWays()
    },
  },
  {
    name: 'goes on as before after preStop, and after it is revoked: it accepts work and finishes what is in flight',
    needs: ['resource.preStop', 'harness.offer'],
    async run(trial) {
      await trial.ready()
      const work = await trial.busyIfAble()
      equal(await trial.offer(), true, unable)
      trial.preStop(true)
      await mustServe(trial, 'work that was offered after preStop', 'it announces an end, and begins none')
      trial.preStop(false)
      await mustServe(trial, 'work that was offered after preStop had been revoked', 'nothing has begun')
      trial.preStop(true)
      if (work) equal(await trial.finish(work), 'finished', 'work that was in flight at preStop did not finish')
    },
  },
  {
    name: 'quiesce returns at once, with nothing to wait for',
    needs: ['resource.quiesce'],
    async run(trial) {
      await trial.ready()
      await trial.busyIfAble()
      mustReturnAtOnce('quiesce', trial.quiesce())
    },
  },
  {
    name: 'quiesce may come at any time, and again: before the start, drained, cut',
    needs: ['resource.quiesce'],
    async run(trial) {
      trial.quiesce()
      trial.quiesce()
      await trial.drain().settled(trial.bounds.settleMs)
      trial.quiesce()
      await trial.force()
      trial.quiesce()
    },
  },
  {
    name: 'accepts nothing after quiesce',
    needs: ['resource.quiesce', 'harness.offer that refuses after quiesce'],
    async run(trial) {
      await trial.ready()
      equal(await trial.offer(), true, unable)
      trial.quiesce()
      await mustRefuse(trial, 'work that was offered after quiesce')
    },
  },
  {
    name: 'goes on serving after quiesce, until it drains',
    needs: ['harness.offer that serves after quiesce'],
    async run(trial) {
      await trial.ready()
      equal(await trial.offer(), true, unable)
      trial.quiesce()
      await mustServe(trial, 'work that was offered between quiesce and drain', 'those who finish their own work still need this resource')
    },
  },
  {
    name: 'accepts nothing when it has drained, and lets nobody wait for it',
    needs: ['harness.offer'],
    async run(trial) {
      await trial.ready()
      trial.quiesce()
      await trial.drain().settled(trial.bounds.settleMs)
      await mustRefuse(trial, 'work that was offered when it had drained')
    },
  },
  {
    name: 'accepts nothing when it was cut, and lets nobody wait for it',
    needs: ['resource.force', 'harness.offer'],
    async run(trial) {
      await trial.ready()
      trial.quiesce()
      trial.drain().abort()
      await trial.force()
      await mustRefuse(trial, 'work that was offered when it had been cut')
    },
  },
]

async function mustServe(trial: Trial, work: string, why: string): Promise<void> {
  equal(await answerTo(trial, work), true, `${work} was refused; ${why}`)
}

async function mustRefuse(trial: Trial, work: string): Promise<void> {
  equal(await answerTo(trial, work), false, `${work} was accepted`)
}

/** Whether `work` was done; that it has no answer is the resource's doing, and not the harness's. */
async function answerTo(trial: Trial, work: string): Promise<unknown> {
  const offered = await settle(() => trial.offer(), trial.bounds.settleMs)
  if (offered.kind === 'rejected') throw offered.error
  if (offered.kind === 'pending') fail(`${work} was neither done nor refused within ${trial.bounds.settleMs} ms: its caller waits for ever`)
  return offered.value
}
