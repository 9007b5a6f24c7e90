import type { Clock } from '../clock.ts'
import type { CheckResult } from '../lifecycle.ts'
import type { Resource } from '../resource.ts'
import { describeError } from '../describe-value.ts'

/** Runs every check beside the others, each with its own bound; a check that hangs is told by its signal and reported. */
export function runChecks(resources: readonly Resource[], clock: Clock, timeoutMs: number): Promise<CheckResult[]> {
  return Promise.all(resources.filter((resource) => resource.check !== undefined).map((resource) => runCheck(resource, clock, timeoutMs)))
}

/** A check that was told that its time is over, and has not settled since. */
interface Overrun {
  readonly answer: Promise<void>
  /** Monotonic ms. */
  readonly begunAt: number
}

/**
 * Such a check is not called again, or every probe would add another question to a silent server; its answer is waited for. Its
 * author may have forgotten a timeout, so it does not keep the resource from being asked for ever.
 */
const overruns = new WeakMap<Resource, Overrun>()
const forgetAfterMs = 30_000

/** Never rejects; is over when `stop` aborts. */
export function runCheck(resource: Resource, clock: Clock, timeoutMs: number, stop?: AbortSignal): Promise<CheckResult> {
  const begunAt = clock.now()
  const abort = new AbortController()
  return new Promise((resolve) => {
    const cancel = clock.setTimer(() => end(`no answer within ${timeoutMs} ms`), timeoutMs)
    const onStop = (): void => end('a stop has begun')
    stop?.addEventListener('abort', onStop)
    const { answer, begunAt: answerBegunAt } = outstanding(resource, begunAt) ?? { answer: check(), begunAt }
    const settled = answer.then(
      () => settle(),
      (error: unknown) => settle(describeError(error)),
    )

    async function check(): Promise<void> {
      await resource.check?.({ signal: abort.signal })
    }

    function end(why: string): void {
      const overrun = { answer, begunAt: answerBegunAt }
      overruns.set(resource, overrun)
      void settled.then(() => {
        if (overruns.get(resource) === overrun) overruns.delete(resource)
      })
      abort.abort(new Error(why))
      settle(why)
    }

    function settle(error?: string): void {
      cancel()
      stop?.removeEventListener('abort', onStop)
      const tookMs = clock.now() - begunAt
      resolve(error === undefined ? { name: resource.name, ok: true, tookMs } : { name: resource.name, ok: false, tookMs, error })
    }
  })
}

function outstanding(resource: Resource, now: number): Overrun | undefined {
  const overrun = overruns.get(resource)
  return overrun && now - overrun.begunAt < forgetAfterMs ? overrun : undefined
}
