import { lifecycleErrorIn } from '@lameduck/core'
import type { Trial } from './trial.ts'
import { useOnce } from './use-once.ts'

/** What became of the calls of all loops. */
export interface LoopCalls {
  readonly done: number
  /** Refused with a LifecycleError `closed`. */
  readonly closed: number
  /** How the others ended. */
  readonly others: readonly string[]
}

/** Callers that use the resource again and again, until a call is not done. */
export function callLoops(trial: Trial): { end(): Promise<LoopCalls> } {
  let isEnding = false
  const answers: unknown[] = []
  const loops = Array.from({ length: trial.atOnce === 1 ? 1 : 3 }, loop)
  return {
    async end() {
      isEnding = true
      await Promise.all(loops)
      const notDone = answers.filter((answer) => answer !== true)
      const others = notDone.filter((answer) => !isClosed(answer)).map(String)
      return { done: answers.length - notDone.length, closed: notDone.length - others.length, others }
    },
  }

  async function loop(): Promise<void> {
    let isDone = true
    while (isDone && !isEnding) {
      const answer = await useOnce(trial)
      answers.push(answer)
      isDone = answer === true
      // Calls that are served without the event loop would hold it.
      if (answers.length % 50 === 0) await new Promise(setImmediate)
    }
  }
}

/** Refused as every client's calls are that come after the close. */
export function isClosed(error: unknown): boolean {
  return lifecycleErrorIn(error)?.code === 'closed'
}
