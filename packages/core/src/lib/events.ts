import { channel } from 'node:diagnostics_channel'
import { describeError } from './describe-value.ts'
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

/** What it returns matters for `stopped` alone: where a lifecycle is bound, the process waits for it as for `onReport`. */
export type Listener = (event: LifecycleEvent) => unknown

/**
 * Name of the `node:diagnostics_channel` that mirrors every event of every lifecycle, as `{ lifecycle, event }`. What a subscriber
 * of the channel throws, Node makes an uncaught exception, as on every channel; what a listener of `subscribe` throws harms nothing.
 */
export const channelName = 'lameduck.lifecycle'

export interface Events {
  emit(event: LifecycleEvent): void
  /** Returns the function that ends the subscription. */
  subscribe(listener: Listener): () => void
  /** Resolves when what the listeners of `stopped` have returned has settled. */
  settled(): Promise<unknown>
}

/** Where a lifecycle keeps `settled`, for whoever ends the process. By a global name, since another copy of core may have made it. */
export const settledKey: unique symbol = Symbol.for('lameduck.settled') as typeof settledKey

/** A listener that throws harms neither the stop nor the other listeners; its error is shown as a process warning. */
export function createEvents(lifecycle: () => object): Events {
  // Replaced and never changed: a listener that another one adds hears of the next event first.
  let subscriptions: readonly { readonly listener: Listener }[] = []
  const diagnostics = channel(channelName)
  let settled: Promise<unknown> = Promise.resolve()
  return {
    settled: () => settled,
    emit(event) {
      for (const { listener } of subscriptions) {
        const ended = notify(listener, event)
        if (ended && event.type === 'stopped') settled = Promise.all([settled, ended])
      }
      if (diagnostics.hasSubscribers) diagnostics.publish({ lifecycle: lifecycle(), event })
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
