import { deepEqual, equal } from 'node:assert/strict'
import { eventually } from './settle.ts'
import type { Trial } from './trial.ts'

export async function mustLeaveNothing(trial: Trial, after: string): Promise<void> {
  deepEqual(await trial.watch.left(trial.bounds.settleMs), [], `still active in the process after ${after}`)
}

export async function mustLeaveNoConnection(trial: Trial, after: string): Promise<void> {
  const connections = await eventually(() => trial.connections(), (count) => count === 0, trial.bounds.settleMs)
  equal(connections, 0, `connections that the peer still holds after ${after}`)
}
