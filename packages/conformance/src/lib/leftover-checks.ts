import { blame } from './call-harness.ts'
import type { Check } from './check.ts'
import { drainUsed } from './drain-used.ts'
import { mustLeaveNoConnection, mustLeaveNothing } from './must-leave-nothing.ts'
import { eventually, pause } from './settle.ts'
import type { Trial } from './trial.ts'

export const leftoverChecks: readonly Check[] = [
  {
    name: 'nothing is left in the process after drain: no timer, no socket',
    needs: [],
    async run(trial) {
      await trial.ready()
      await drainUsed(trial)
      await mustLeaveNothing(trial, 'drain')
    },
  },
  {
    name: 'no connection is left at the peer after drain',
    needs: ['harness.connections'],
    async run(trial) {
      await trial.ready()
      await mustBeConnected(trial)
      await drainUsed(trial)
      await mustLeaveNoConnection(trial, 'drain')
    },
  },
  {
    name: 'nothing is left in the process after force: no timer, no socket',
    needs: ['resource.force'],
    async run(trial) {
      await trial.ready()
      await cutBusy(trial)
      await mustLeaveNothing(trial, 'force')
    },
  },
  {
    name: 'no connection is left at the peer after force',
    needs: ['resource.force', 'harness.connections'],
    async run(trial) {
      await trial.ready()
      await mustBeConnected(trial)
      await cutBusy(trial)
      await mustLeaveNoConnection(trial, 'force')
    },
  },
  {
    name: 'nothing is left in the process after force with a frozen peer: no timer, no socket',
    needs: ['resource.force', 'harness.freeze'],
    async run(trial) {
      await cutFrozen(trial)
      await mustLeaveNothing(trial, 'force with a frozen peer')
    },
  },
  {
    name: 'nothing is left in the process after drain with a dead peer: no timer, no retry',
    needs: ['harness.kill'],
    async run(trial) {
      await trial.ready()
      await trial.busyIfAble()
      await trial.kill()
      trial.quiesce()
      const draining = trial.drain()
      const { kind } = await draining.settled(trial.bounds.watchMs)
      // The engine cuts what does not drain by itself.
      if (kind !== 'fulfilled') {
        draining.abort()
        await trial.force()
      }
      await mustStayQuiet(trial, 'drain with a dead peer', false)
    },
  },
  {
    name: 'nothing is left in the process after force with a dead peer: no timer, no retry',
    needs: ['resource.force', 'harness.kill'],
    async run(trial) {
      await cutDead(trial)
      // Its connections cannot be asked for.
      await mustStayQuiet(trial, 'force with a dead peer', false)
    },
  },
  {
    name: 'stays quiet after force with a frozen peer that answers again',
    needs: ['resource.force', 'harness.freeze'],
    async run(trial) {
      await cutFrozen(trial)
      await trial.thaw()
      await mustStayQuiet(trial, 'force with a frozen peer that answers again')
    },
  },
  {
    name: 'nothing is left unhandled by a cut: no rejection, no error event',
    needs: ['resource.force'],
    async run(trial) {
      await trial.ready()
      await cutBusy(trial)
      await pause(trial.bounds.watchMs)
    },
  },
  {
    name: 'nothing is left unhandled by a peer that dies: no rejection, no error event',
    needs: ['harness.kill'],
    async run(trial) {
      await trial.ready()
      // One connection in use, one not, where the resource has several.
      const [first, second] = await trial.busyTwice()
      if (second) await trial.finish(first)
      await trial.kill()
      await pause(trial.bounds.watchMs)
      await trial.force()
      await pause(trial.bounds.watchMs)
    },
  },
]

/** What the engine does at a deadline: abort the drain, force in the same tick. */
async function cutBusy(trial: Trial): Promise<void> {
  await trial.busyIfAble()
  trial.preStop(true)
  trial.quiesce()
  trial.drain().abort()
  await trial.force()
}

async function cutFrozen(trial: Trial): Promise<void> {
  await trial.ready()
  await trial.busyIfAble()
  await trial.freeze()
  trial.quiesce()
  trial.drain().abort()
  await trial.force()
}

async function cutDead(trial: Trial): Promise<void> {
  await trial.ready()
  await trial.busyIfAble()
  await trial.kill()
  await trial.force()
}

/** Or the count would be 0 whatever happens. */
async function mustBeConnected(trial: Trial): Promise<void> {
  const connections = await eventually(() => trial.connections(), (count) => count > 0, trial.bounds.settleMs)
  if (connections === 0) throw blame('connections() tells 0 although the resource is in use: it could not show what is left')
}

/** What is let go of for a moment only, and comes back, has not ended: a retry, a reconnect. */
async function mustStayQuiet(trial: Trial, after: string, isPeerAlive = true): Promise<void> {
  const end = performance.now() + trial.bounds.quietMs
  do {
    await mustLeaveNothing(trial, after)
    if (isPeerAlive) await mustLeaveNoConnection(trial, after)
    await pause(10)
  } while (performance.now() < end)
}
