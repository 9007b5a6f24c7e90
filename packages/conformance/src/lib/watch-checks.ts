import { deepEqual, equal, ok } from 'node:assert/strict'
import { isError } from './call-harness.ts'
import type { Check } from './check.ts'
import { eventually, pause } from './settle.ts'
import type { Trial } from './trial.ts'
import { useOnce } from './use-once.ts'

export const watchChecks: readonly Check[] = [
  {
    name: 'watch tells, once and why, that it has died for good',
    needs: ['resource.watch', 'harness.end'],
    async run(trial) {
      await trial.ready()
      deepEqual(trial.endings, [], 'watch told of an end when it had just become ready')
      await trial.end()
      const { settleMs, watchMs } = trial.bounds
      await eventually(() => trial.endings.length, (told) => told > 0, settleMs)
      await pause(watchMs)
      equal(trial.endings.length, 1, `watch must tell once that it has died for good; it told ${trial.endings.length} times within ${settleMs} ms`)
      const [why]: readonly unknown[] = trial.endings
      const text = isError(why) ? why.message : why
      ok(typeof text === 'string' && text.trim() !== '', `watch must tell why it has died, as an Error or a text; it told ${String(why)}`)
    },
  },
  {
    name: 'watch tells nothing while all is well: idle, busy, after work and after preStop',
    needs: ['resource.watch'],
    async run(trial) {
      await trial.ready()
      await trial.finish(await trial.busyIfAble())
      trial.preStop(true)
      trial.preStop(false)
      await mustTellNothing(trial, 'while nothing had happened to it')
    },
  },
  {
    name: 'watch tells nothing of a connection that comes back',
    needs: ['resource.watch', 'harness.drop', 'harness.offer'],
    async run(trial) {
      await trial.ready()
      await trial.drop()
      const answer = await eventually(() => useOnce(trial), (done) => done === true, trial.bounds.settleMs)
      equal(answer, true, `it had not come back ${trial.bounds.settleMs} ms after its connections were dropped, while the peer was there`)
      await mustTellNothing(trial, 'though it has come back')
    },
  },
  {
    name: 'watch tells nothing of a frozen peer that answers again',
    needs: ['resource.watch', 'harness.freeze'],
    async run(trial) {
      await trial.ready()
      await trial.freeze()
      await pause(trial.bounds.watchMs)
      await trial.thaw()
      await mustTellNothing(trial, 'though its peer was frozen for a while only')
    },
  },
]

async function mustTellNothing({ endings, bounds }: Trial, though: string): Promise<void> {
  await pause(bounds.watchMs)
  deepEqual(endings, [], `watch told that it has died for good, ${though}`)
}
