import { closedError, LifecycleError, requireMs, show } from '../errors.ts'
import type { Resource } from '../resource.ts'
import { createDoubtWarnings } from './doubt-warnings.ts'
import { createTracker } from './tracker.ts'
import { drainTracked, workMembers, type TrackedWorkOptions, type WorkContext } from './tracked-work.ts'
import { untilIdle } from './until-idle.ts'

/**
 * Begins to call `run` again and again, and returns the function that ends it. `run` settles as the job does; from the signal on, or from what `until` says,
 * it runs nothing, and rejects with a LifecycleError `closed`, so that a scheduler with a store keeps that run for another. Where its promise is dropped, nothing is told.
 */
export type Trigger = (run: () => Promise<void>) => () => void

export interface ScheduleOptions extends TrackedWorkOptions {
  /**
   * How long runs are begun: until the `signal`, or until the `drain`, which is its own step. Choose `drain` for what others count on while
   * they finish, such as a lock that is renewed, or a flush for which requests wait.
   *
   * @default 'signal'
   */
  readonly until?: 'signal' | 'drain'
  /**
   * One more run in its own step, when no other is under way: for what the earlier steps leave behind, such as a buffer to flush. It may
   * take the time of the step; where it fails, the step has failed. Its default phase is `producers`, behind the work that fills the buffer.
   *
   * @default false
   */
  readonly lastRun?: boolean
}

/**
 * A job that runs again and again, as a resource: begins with the service, is not begun any more from the signal on, and the run
 * that is under way is finished. `until` and `lastRun` are for jobs that others need in the stop.
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
export function schedule(name: string, job: (context: WorkContext) => unknown, when: number | Trigger, options: ScheduleOptions = {}): Resource {
  const members = workMembers('schedule', name, options, { until: true, lastRun: true }, options?.lastRun === true ? 'producers' : 'work')
  const { until = 'signal', lastRun = false } = options
  if (until !== 'signal' && until !== 'drain') throw new LifecycleError('invalid-option', `schedule("${name}"): until must be "signal" or "drain"; it is ${show(until)}`)
  if (typeof lastRun !== 'boolean') throw new LifecycleError('invalid-option', `schedule("${name}"): lastRun must be true or false; it is ${show(lastRun)}`)
  if (typeof job !== 'function') throw new LifecycleError('invalid-option', `schedule("${name}"): the job must be a function; it is ${show(job)}`)
  const trigger = typeof when === 'function' ? when : interval(requireMs(when, `schedule("${name}"): the interval`, 1))
  const doubts = createDoubtWarnings()
  const tracker = createTracker(name, undefined, doubts.tell)
  const cutting = new AbortController()
  const drain = drainTracked(name, tracker, cutting)
  let isStopping = false
  let end: (() => void) | undefined
  let lastOne: Promise<void> | undefined
  let owesLast = lastRun

  async function run(what: string = 'a run'): Promise<void> {
    await tracker.track(() => what, () => job({ signal: cutting.signal }))
  }

  /** Once, however often the drain is called. Its failure is in the tally. */
  function runLast(signal: AbortSignal): Promise<void> {
    lastOne ??= untilIdle(tracker, AbortSignal.any([signal, cutting.signal])).then(() => {
      owesLast = false
      return run('the last run').catch(() => {})
    })
    return lastOne
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
      if (until === 'signal') endTrigger()
      drain.quiesce?.(context)
    },
    async drain(context) {
      endTrigger()
      tracker.tally.begin()
      if (lastRun) await runLast(context.signal)
      await drain.drain(context)
    },
    force(context) {
      endTrigger()
      if (owesLast) tracker.tally.cut()
      owesLast = false
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
