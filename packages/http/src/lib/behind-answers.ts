import { recentMs } from '@lameduck/core'
import type { Abandoned } from './abandoned.ts'
import { describeRequest } from './describe-request.ts'
import { promiseOf, settlesLater } from './handler-promises.ts'

/** Handlers of before a stop that are remembered: a busy server answers thousands in a second. */
const mostKept = 1_000

/** A handler whose answer has been sent, and that is at work all the same: `response.end()`, and then a row. Nothing where its promise is not known. */
export function atWorkBehind(name: string, answer: object): Abandoned | undefined {
  const hasSettled = settlesLater(answer)
  return hasSettled && { why: () => `${name}: its answer was sent, and its handler had not ended`, hasEnded: hasSettled }
}

interface Request {
  readonly method?: string | undefined
  readonly url?: string | undefined
}

/** Handlers that have sent their answers before there was a stop. */
export interface BehindAnswers {
  readonly answered: (request: Request, answer: object) => void
  /** Those of the last 30 s that are still at work. */
  readonly take: () => Abandoned[]
}

export function createBehindAnswers(): BehindAnswers {
  // A ring: whether they have ended is only asked when a stop begins. Weak, for a promise has what its handler returned, such as the answer with its
  // request; and one that nobody can settle any more is not at work.
  let kept: (Request & { readonly promise: WeakRef<object>; readonly at: number })[] = []
  let next = 0
  return {
    answered({ method, url }, answer) {
      const promise = promiseOf(answer)
      if (!promise) return
      kept[next] = { method, url, promise: new WeakRef(promise), at: performance.now() }
      next = (next + 1) % mostKept
    },
    take() {
      const all = kept
      kept = []
      next = 0
      const oldest = performance.now() - recentMs
      return all.flatMap(({ method = '', url = '', promise: kept, at }) => {
        const promise = at < oldest ? undefined : kept.deref()
        return (promise && atWorkBehind(describeRequest({ method, url }), promise)) ?? []
      })
    },
  }
}
