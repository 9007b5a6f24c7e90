import { lifecycleErrorIn, show } from '@lameduck/core'
import { equal } from 'node:assert/strict'
import { blame, isError } from './call-harness.ts'
import type { Check } from './check.ts'
import { settle } from './settle.ts'
import type { Trial } from './trial.ts'
import { useOnce } from './use-once.ts'

/** One error for all clients, so that whoever sees it can tell a late use from a fault. */
export const closedChecks: readonly Check[] = [
  {
    name: 'what comes when it has drained is told that it is closed',
    needs: ['harness.offer', 'harness.callers here'],
    async run(trial) {
      await trial.ready()
      trial.quiesce()
      await trial.drain().settled(trial.bounds.settleMs)
      await mustBeClosed(trial, 'when it had drained')
    },
  },
  {
    name: 'what comes when it was cut is told that it is closed',
    needs: ['resource.force', 'harness.offer', 'harness.callers here'],
    async run(trial) {
      await trial.ready()
      await trial.busyIfAble()
      trial.quiesce()
      trial.drain().abort()
      await trial.force()
      await mustBeClosed(trial, 'when it had been cut')
    },
  },
  {
    name: 'what was cut is told that it was cut',
    needs: ['resource.force', 'harness.busy', 'harness.callers here'],
    async run(trial) {
      await trial.ready()
      const works = await trial.busyTwice()
      trial.quiesce()
      trial.drain().abort()
      await trial.force()
      for (const { outcome, error } of works) {
        const ended = await settle(() => outcome, trial.bounds.settleMs)
        mustHaveCode('cut', ended.kind === 'pending' ? 'no answer' : error(), 'work that was in flight at force')
      }
    },
  },
]

async function mustBeClosed(trial: Trial, when: string): Promise<void> {
  mustHaveCode('closed', await useOnce(trial), `work that was offered ${when}`)
}

function mustHaveCode(code: 'closed' | 'cut', answer: unknown, work: string): void {
  const got = answer === true ? 'what it asked for' : isError(answer) ? `"${answer.message}"` : show(answer)
  if (answer === false || answer === undefined) throw blame(`${code === 'cut' ? 'busy' : 'offer'}() does not tell the Error of its caller, which callers: 'here' is for`)
  equal(lifecycleErrorIn(answer)?.code, code, `${work} must reject with the LifecycleError "${code}" of core; its caller got ${got}`)
}
