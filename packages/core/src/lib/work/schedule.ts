import { closedError, LifecycleError, requireMs, show } from '../errors.ts'
import type { Resource } from '../resource.ts'
import { createDoubtWarnings } from './doubt-warnings.ts'
import { createTracker } from './tracker.ts'
import { drainTracked, workMembers, type TrackedWorkOptions, type WorkContext } from './tracked-work.ts'

/**
 * Begins to call `run` again and again, and returns the function that ends it. `run` settles as the job does; once the stop has begun it runs nothing,
 * and rejects with a LifecycleError `closed`, so that a scheduler with a store keeps that run for another. Where its promise is dropped, nothing is told.
 */
export type Trigger = (run: () => Promise<void>) => () => void

/**
 * A job that runs again and again, as a resource: begins with the service, is not begun any more from the signal on, and the run
 * that is under way is finished.
 *
 * `when` is a number of ms, for an interval like that of `setInterval`, in which a run is left out while the last one still runs; or a
 * function that hands the job to a scheduler, and returns how to take it back:
 *
 * ```ts
 * schedule('report', sendReport, (run) => {
 *   const job = new Cron('0 3 * * *', run)
 *   return () => job.stop()
 * })
 * ```
 *
 * The job returns its promise, or is async: a run that returns none is `unknown` in a stop within 30 s, and the first such run is a warning.
 *
 * A run that fails is told where its error ends up unhandled by the scheduler; with an interval that is `unhandledRejection`. During a stop
 * its step tells it, and not the report's `errors`.
 *
 * @throws LifecycleError `invalid-option`
 */
export function schedule(name: string, job: (context: WorkContext) => unknown, when: number | Trigger, options: TrackedWorkOptions = {}): Resource {
  const members = workMembers('schedule', name, options)
  if (typeof job !== 'function') throw new LifecycleError('invalid-option', `schedule("${name}"): the job must be a function; it is ${show(job)}`)
  const trigger = typeof when === 'function' ? when : interval(requireMs(when, `schedule("${name}"): the interval`, 1))
  const doubts = createDoubtWarnings()
  const tracker = createTracker(name, undefined, doubts.tell)
  const cutting = new AbortController()
  const drain = drainTracked(name, tracker, cutting)
  let isStopping = false
  let end: (() => void) | undefined

  async function run(): Promise<void> {
    await tracker.track(() => 'a run', () => job({ signal: cutting.signal }))
  }

  /**
   * A scheduler that keeps its runs in a store must not take this one for done. One that drops the promise has nobody to tell: what it
   * still begins when it was told to end was not promised to anybody, so it is no late use in the report.
   */
  function refuse(): Promise<void> {
    const refused = Promise.reject<void>(closedError(name, 'a run'))
    refused.catch(() => {})
    return refused
  }

  function endTrigger(): void {
    isStopping = true
    end?.()
    end = undefined
  }

  return {
    ...members,
    ...drain,
    watch: doubts.watch,
    start() {
      if (isStopping) return
      const ending: unknown = trigger(() => (isStopping ? refuse() : run()))
      if (typeof ending !== 'function') {
        throw new LifecycleError('invalid-option', `schedule("${name}"): the function that hands the job to a scheduler must return how to take it back; it returned ${show(ending)}`)
      }
      end = ending as () => void
    },
    quiesce(context) {
      endTrigger()
      drain.quiesce?.(context)
    },
    drain(context) {
      endTrigger()
      return drain.drain(context)
    },
    force(context) {
      endTrigger()
      return drain.force?.(context)
    },
  }
}

function interval(everyMs: number): Trigger {
  return (run) => {
    let isRunning = false
    const timer = setInterval(() => {
      if (isRunning) return
      isRunning = true
      void run().finally(() => (isRunning = false))
    }, everyMs)
    return () => clearInterval(timer)
  }
}
