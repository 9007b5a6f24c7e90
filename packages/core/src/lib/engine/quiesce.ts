import { describeError } from '../describe-value.ts'
import type { Entry } from './graph.ts'
import type { QuiesceContext, Resource } from '../resource.ts'
import { isThenable } from '../thenable.ts'

/** Calls every resource's `quiesce`, in this tick. What throws or rejects is kept by the resource's name, and the others are still called. */
export function quiesceAll(entries: Iterable<Entry>, context: QuiesceContext): ReadonlyMap<string, string> {
  const errors = new Map<string, string>()
  for (const { resource } of entries) {
    tell(
      () => resource.quiesce?.(context),
      (error) => void errors.set(resource.name, `quiesce: ${describeError(error)}`),
    )
  }
  return errors
}

/** What throws or rejects is a warning: a stop is still to come, and nothing has been lost. */
export function tellPreStop(resource: Resource, announced: boolean, warn: (message: string) => void): void {
  tell(
    () => resource.preStop?.(announced),
    (error) => warn(`${resource.name}: preStop: ${describeError(error)}`),
  )
}

/** An async function is not what the types say, but its rejection must not become an uncaught error. */
function tell(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    const returned = call()
    if (isThenable(returned)) Promise.resolve(returned).catch(onError)
  } catch (error) {
    onError(error)
  }
}
