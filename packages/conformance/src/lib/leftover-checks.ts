import { deepEqual, equal } from 'node:assert/strict'
import type { Check } from './check.ts'
import { eventually, pause } from './settle.ts'
import type { Trial } from './trial.ts'

export const leftoverChecks: readonly Check[] = [
  {
    name: 'nothing is left in the process after drain: no timer, no socket',
    needs: [],
    async run(trial) {
      await drainIdle(trial)
      await mustLeaveNothing(trial, 'drain')
    },
  },
  {
    name: 'no connection is left at the peer after drain',
    needs: ['harness.connections'],
    async run(trial) {
      await drainIdle(trial)
      await mustLeaveNoConnection(trial, 'drain')
    },
  },
  {
    name: 'nothing is left in the process after force: no timer, no socket',
    needs: ['resource.force'],
    async run(trial) {
      await cutBusy(trial)
      await mustLeaveNothing(trial, 'force')
    },
  },
  {
    name: 'no connection is left at the peer after force',
    needs: ['resource.force', 'harness.connections'],
    async run(trial) {
      await cutBusy(trial)
      await mustLeaveNoConnection(trial, 'force')
    },
  },
  {
    name: 'nothing is left in the process after force with a dead peer: no timer, no retry',
    needs: ['resource.force', 'harness.kill'],
    async run(trial) {
      await trial.ready()
      await trial.busyIfAble()
      await trial.kill()
      await trial.force()
      await mustLeaveNothing(trial, 'force with a dead peer')
    },
  },
  {
    name: 'nothing is left unhandled by a cut: no rejection, no error event',
    needs: ['resource.force'],
    async run(trial) {
      const unhandled = await collectUnhandled(async () => {
        await cutBusy(trial)
        await pause(trial.bounds.watchMs)
      })
      deepEqual(unhandled, [], 'a cut must not raise errors that nobody listens for: they would end the process before its report')
    },
  },
  {
    name: 'nothing is left unhandled by a peer that dies: no rejection, no error event',
    needs: ['harness.kill'],
    async run(trial) {
      await trial.ready()
      await trial.busyIfAble()
      const unhandled = await collectUnhandled(async () => {
        await trial.kill()
        await pause(trial.bounds.watchMs)
        await trial.force()
        await pause(trial.bounds.watchMs)
      })
      deepEqual(unhandled, [], 'a peer that dies must not raise errors that nobody listens for: they would end the process')
    },
  },
]

async function drainIdle(trial: Trial): Promise<void> {
  await trial.ready()
  await trial.finish(await trial.busyIfAble())
  trial.quiesce()
  await trial.drain().settled(trial.bounds.settleMs)
}

/** What the engine does at a deadline: abort the drain, force in the same tick. */
async function cutBusy(trial: Trial): Promise<void> {
  await trial.ready()
  await trial.busyIfAble()
  trial.quiesce()
  trial.drain().abort()
  await trial.force()
}

async function mustLeaveNothing(trial: Trial, after: string): Promise<void> {
  deepEqual(await trial.watch.left(trial.bounds.settleMs), [], `still active in the process after ${after}`)
}

async function mustLeaveNoConnection(trial: Trial, after: string): Promise<void> {
  const connections = await eventually(() => trial.connections(), (count) => count === 0, trial.bounds.settleMs)
  equal(connections, 0, `connections that the peer still holds after ${after}`)
}

async function collectUnhandled(action: () => Promise<void>): Promise<string[]> {
  const unhandled: string[] = []
  const onError = (error: unknown): void => {
    unhandled.push(String(error))
  }
  process.on('unhandledRejection', onError)
  process.on('uncaughtException', onError)
  try {
    await action()
  } finally {
    process.off('unhandledRejection', onError)
    process.off('uncaughtException', onError)
  }
  return unhandled
}
