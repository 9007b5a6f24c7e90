import type { Clock } from '../clock.ts'
import type { CheckResult } from '../lifecycle.ts'
import type { Resource } from '../resource.ts'
import { describeError } from '../describe-value.ts'

/** Runs every check beside the others, each with its own bound; a check that hangs is told by its signal and reported. */
export function runChecks(resources: readonly Resource[], clock: Clock, timeoutMs: number): Promise<CheckResult[]> {
  return Promise.all(resources.filter((resource) => resource.check !== undefined).map((resource) => runCheck(resource, clock, timeoutMs)))
}

/** Never rejects; is over when `stop` aborts. */
export function runCheck(resource: Resource, clock: Clock, timeoutMs: number, stop?: AbortSignal): Promise<CheckResult> {
  const begunAt = clock.now()
  const abort = new AbortController()
  return new Promise((resolve) => {
    const cancel = clock.setTimer(() => end(`no answer within ${timeoutMs} ms`), timeoutMs)
    const onStop = (): void => end('a stop has begun')
    stop?.addEventListener('abort', onStop)
    const check = async (): Promise<void> => resource.check?.({ signal: abort.signal })
    check().then(
      () => settle(),
      (error: unknown) => settle(describeError(error)),
    )

    function end(why: string): void {
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
