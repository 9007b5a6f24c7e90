import { describeError } from './describe-value.ts'
import { createMirror } from './event-channel.ts'
import { LifecycleError, show } from './errors.ts'
import type { Reason } from './reason.ts'
import type { Plan, Report, StepReport } from './report/report.ts'
import type { State } from './state.ts'
import { isThenable } from './thenable.ts'

/** Everything that can be observed; loggers, metrics, traces and tests all subscribe to this and nothing else. */
export type LifecycleEvent =
  | { readonly type: 'resource-starting'; readonly name: string }
  | { readonly type: 'resource-started'; readonly name: string; readonly tookMs: number }
  | { readonly type: 'resource-ended'; readonly name: string; readonly why: string }
  | { readonly type: 'pre-stop'; readonly announced: boolean }
  | { readonly type: 'readiness-changed'; readonly ready: boolean; readonly why: string }
  | { readonly type: 'state-changed'; readonly state: State }
  | { readonly type: 'stop-begun'; readonly reason: Reason; readonly plan: Plan }
  | { readonly type: 'stop-repeated'; readonly reason: Reason }
  | { readonly type: 'lame-duck-ended'; readonly tookMs: number; readonly why: 'quiet' | 'max' | 'deadline' | 'forced' }
  | { readonly type: 'step-started'; readonly name: string; readonly deadlineInMs: number }
  | { readonly type: 'still-waiting'; readonly steps: readonly WaitingStep[]; readonly leftMs: number }
  | { readonly type: 'step-overran'; readonly name: string; readonly inFlight: number | undefined; readonly waitingFor: readonly string[] }
  | { readonly type: 'step-finished'; readonly step: StepReport }
  | { readonly type: 'deadline-shrunk'; readonly leftMs: number; readonly why: string }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'stopped'; readonly report: Report }

/** A step that has been draining when a second was over. */
export interface WaitingStep {
  readonly name: string
  readonly inFlight: number | undefined
  /** At most 20 texts, and one that says when there are more. */
  readonly waitingFor: readonly string[]
  /** Until the step itself is cut, in ms; `undefined` where that has begun. The event's `leftMs` is the time of the whole stop. */
  readonly leftMs: number | undefined
}

/** Where a lifecycle is bound, the process waits for what it returns from `stop-begun` on, as for `onReport`; the stop itself does not. */
export type Listener = (event: LifecycleEvent) => unknown

export interface Events {
  emit(event: LifecycleEvent): void
  /** Returns the function that ends the subscription. */
  subscribe(listener: Listener): () => void
  /** Resolves when what listeners have returned since the stop began has settled. */
  settled(): Promise<unknown>
}

/** Where a lifecycle keeps `settled`, for whoever ends the process. By a global name, since another copy of core may have made it. */
export const settledKey: unique symbol = Symbol.for('lameduck.settled') as typeof settledKey

/** What a listener can cause without end, each event by the one before. */
const answers: ReadonlySet<LifecycleEvent['type']> = new Set(['stop-repeated', 'warning', 'deadline-shrunk', 'pre-stop', 'readiness-changed'])

/** How deep events may lie within one another before such are told to nobody. */
const deepest = 20

/** A listener that throws harms neither the stop nor the other listeners; its error is shown as a process warning. */
export function createEvents(lifecycle: () => object): Events {
  // Replaced and never changed: a listener that another one adds hears of the next event first.
  let subscriptions: readonly { readonly listener: Listener }[] = []
  const mirror = createMirror()
  let depth = 0
  let isTold = false
  let isStopping = false
  const pending = new Set<Promise<void>>()
  return {
    settled: () => Promise.all(pending),
    emit(event) {
      if (depth >= deepest && answers.has(event.type)) return tooDeep(event)
      depth += 1
      isStopping ||= event.type === 'stop-begun'
      for (const { listener } of subscriptions) keep(notify(listener, event))
      mirror(lifecycle, event)
      depth -= 1
    },
    subscribe(listener) {
      if (typeof listener !== 'function') throw new LifecycleError('invalid-option', `subscribe() takes a function; it was given ${show(listener)}`)
      const subscription = { listener }
      subscriptions = [...subscriptions, subscription]
      return () => {
        subscriptions = subscriptions.filter((each) => each !== subscription)
      }
    },
  }

  function keep(ended: Promise<void> | undefined): void {
    if (!ended || !isStopping) return
    pending.add(ended)
    void ended.then(() => pending.delete(ended))
  }

  function tooDeep({ type }: LifecycleEvent): void {
    if (isTold) return
    isTold = true
    process.emitWarning(`a lameduck listener causes events without end. After ${deepest} of them within one another no more are told; the first of these was "${type}"`, 'LameduckListenerWarning')
  }
}

/** The rejection of an async listener must not become an uncaught error that begins a stop. */
function notify(listener: Listener, event: LifecycleEvent): Promise<void> | undefined {
  try {
    const returned = listener(event)
    if (!isThenable(returned)) return undefined
    return Promise.resolve(returned).then(
      () => {},
      (error: unknown) => warn(event, error),
    )
  } catch (error) {
    warn(event, error)
    return undefined
  }
}

function warn({ type }: LifecycleEvent, error: unknown): void {
  process.emitWarning(`a lameduck listener threw on "${type}": ${describeError(error)}`, 'LameduckListenerWarning')
}
