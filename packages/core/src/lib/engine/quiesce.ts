import { describeError } from '../describe-value.ts'
import type { Entry } from './graph.ts'
import type { QuiesceContext, Resource } from '../resource.ts'
import { isThenable } from '../thenable.ts'

/** What has come of calling every resource's `quiesce`, by the resource's name. */
export interface Quiesced {
  /** What threw, or has rejected. */
  readonly errors: ReadonlyMap<string, string>
  /** What returned a promise, which its step waits for. None of them rejects. */
  readonly pending: ReadonlyMap<string, Promise<void>>
}

/** Calls every resource's `quiesce`, in this tick; the others also where one of them throws. */
export function quiesceAll(entries: Iterable<Entry>, context: QuiesceContext): Quiesced {
  const errors = new Map<string, string>()
  const pending = new Map<string, Promise<void>>()
  for (const { resource } of entries) {
    const ended = tell(
      () => resource.quiesce?.(context),
      (error) => void errors.set(resource.name, `quiesce: ${describeError(error)}`),
    )
    if (ended) pending.set(resource.name, ended)
  }
  return { errors, pending }
}

/** What throws or rejects is a warning: a stop is still to come, and nothing has been lost. */
export function tellPreStop(resource: Resource, announced: boolean, warn: (message: string) => void): void {
  void tell(
    () => resource.preStop?.(announced),
    (error) => warn(`${resource.name}: preStop: ${describeError(error)}`),
  )
}

/** An async function is not what the types say, but it may be work, and its rejection must not become an uncaught error. */
function tell(call: () => unknown, onError: (error: unknown) => void): Promise<void> | undefined {
  try {
    const returned = call()
    return isThenable(returned) ? Promise.resolve(returned).then(() => {}, onError) : undefined
  } catch (error) {
    onError(error)
    return undefined
  }
}
