import { LifecycleError, requireMs, show } from '../errors.ts'
import { requireOptions } from '../require-options.ts'
import { phases, type Phase, type Resource } from '../resource.ts'
import { noteBegunWork } from './begun-work.ts'
import { createDoubtWarnings } from './doubt-warnings.ts'
import { warnWhenForgotten } from './forgotten.ts'
import { createTracker, type Tracker } from './tracker.ts'
import { closeWhenIdle, type InHand } from './until-idle.ts'

export interface TrackedWorkOptions {
  /** @default 'work' */
  readonly phase?: Phase
  /** Longest time the drain may take, in ms. @default the policy's value for the phase */
  readonly timeoutMs?: number
  /** Time that is guaranteed to the drain, in ms. @default the policy's value for the phase */
  readonly reserveMs?: number
}

/** Given to every piece of tracked work. */
export interface WorkContext {
  /** Aborts when the work is cut. */
  readonly signal: AbortSignal
}

/** It says what it has in hand, so that others can wait for it: `untilIdle(work, signal)`. */
export interface TrackedWork extends Resource, InHand {
  /**
   * Runs `work`, and counts it until it settles. Settles as it does, or rejects with a LifecycleError: `cut` when its time is over,
   * `closed` when it comes after the close. Work that returns no promise, and begins no tracked work in its turn, is `unknown` in a stop within 30 s, and a warning when it comes first:
   * return the promise of what it begins; if it begins nothing, make it async.
   *
   * @param what names it in reports. @default the function's name, or `work`
   */
  run<T>(work: (context: WorkContext) => PromiseLike<T> | T, what?: string): Promise<T>
  /**
   * The same for a listener of events: `socket.on('close', jobs.wrap(async () => …))`. `this` and the arguments are passed on. What
   * it returns is a promise for emitters with `captureRejections`; with others a listener that fails ends in `unhandledRejection`, as
   * it does unwrapped. To await work, use `run`. A listener that returns no promise is `unknown`, as with `run`.
   *
   * @param what names it in reports. @default the function's name, or `work`
   */
  wrap<This, A extends unknown[], R>(listener: (this: This, ...parameters: A) => R, what?: string): (this: This, ...parameters: A) => void
}

/** On the listeners that `wrap` returns; by a global name, since another copy of core may have wrapped them. */
const trackedKey = Symbol.for('lameduck.tracked')

/**
 * Work that nobody else can see: begun by an event, by a timer or after an answer. The drain waits for what is under way, counts what
 * becomes of it, and refuses what comes after the close. A warning of the process says where it was never added to a lifecycle.
 *
 * It drains in the phase `work`: when servers and consumers have finished, and while pools and producers are still there.
 *
 * @throws LifecycleError `invalid-option`
 */
export function trackedWork(name: string, options: TrackedWorkOptions = {}): TrackedWork {
  const members = workMembers('trackedWork', name, options)
  const doubts = createDoubtWarnings()
  const tracker = createTracker(name, undefined, doubts.tell)
  const forgotten = warnWhenForgotten(name)
  const cutting = new AbortController()
  let isAdded = false
  return {
    ...members,
    watch(ended, warn) {
      isAdded = true
      forgotten.onAdded()
      doubts.watch(ended, warn)
    },
    ...drainTracked(name, tracker, cutting),
    count: tracker.count,
    begunBefore: tracker.begunBefore,
    onEnd: tracker.onEnd,
    run: (work, what) => track(nameOf(work, what, 'run'), () => work({ signal: cutting.signal })),
    wrap,
  }

  function track<T>(what: () => string, work: () => PromiseLike<T> | T): Promise<T> {
    forgotten.onWork()
    if (isAdded) noteBegunWork()
    return tracker.track(what, work)
  }

  function wrap<This, A extends unknown[], R>(listener: (this: This, ...parameters: A) => R, what?: string): (this: This, ...parameters: A) => void {
    const name = nameOf(listener, what, 'wrap')
    // A function and not an arrow, for emitters are `this` of their listeners.
    function tracked(this: This, ...parameters: A): unknown {
      return track(name, () => Reflect.apply(listener, this, parameters) as Awaited<R>)
    }
    return Object.defineProperty(tracked, trackedKey, { value: true })
  }
}

/** Whether `wrap` has made this listener, so that somebody knows when its work ends. */
export function isTracked(listener: unknown): boolean {
  return typeof listener === 'function' && trackedKey in listener
}

/** The members of a Resource whose work is all in `tracker`. */
export function drainTracked(name: string, tracker: Tracker, cutting: AbortController): Pick<Resource, 'quiesce' | 'inFlight' | 'waitingFor' | 'tally' | 'drain' | 'force'> {
  return {
    quiesce: () => tracker.tally.begin(),
    inFlight: tracker.count,
    waitingFor: tracker.waitingFor,
    tally: tracker.tally.read,
    async drain({ signal }) {
      tracker.tally.begin()
      await closeWhenIdle(tracker, tracker.close, AbortSignal.any([signal, cutting.signal]))
    },
    force() {
      tracker.cut()
      cutting.abort(new LifecycleError('cut', 'the work was cut, since its time in the stop was over', { resource: name }))
    },
  }
}

/** @param others options that `factory` takes beside them */
export function workMembers(factory: string, name: string, options: TrackedWorkOptions, others: Readonly<Record<string, true>> = {}, usualPhase: Phase = 'work'): Pick<Resource, 'name' | 'phase' | 'timeoutMs' | 'reserveMs'> {
  if (typeof name !== 'string' || name === '') throw new LifecycleError('invalid-option', `${factory}() takes a name, a non-empty text; it was given ${show(name)}`)
  const { phase = usualPhase, timeoutMs, reserveMs } = requireOptions<TrackedWorkOptions>(options, { phase: true, timeoutMs: true, reserveMs: true, ...others }, `${factory}("${name}")`)
  if (!phases.includes(phase)) throw new LifecycleError('invalid-option', `${factory}("${name}"): phase must be one of ${phases.join(', ')}; it is ${show(phase)}`)
  return {
    name,
    phase,
    ...(timeoutMs === undefined ? {} : { timeoutMs: requireMs(timeoutMs, `${factory}("${name}"): timeoutMs`) }),
    ...(reserveMs === undefined ? {} : { reserveMs: requireMs(reserveMs, `${factory}("${name}"): reserveMs`) }),
  }
}

function nameOf(work: unknown, what: string | undefined, method: 'run' | 'wrap'): () => string {
  if (typeof work !== 'function') throw new LifecycleError('invalid-option', `${method}() takes a function; it was given ${show(work)}`)
  const name = what ?? (work.name || 'work')
  return () => name
}
