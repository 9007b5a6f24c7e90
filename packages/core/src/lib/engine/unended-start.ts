import { LifecycleError } from '../errors.ts'
import type { Resource } from '../resource.ts'
import { listWaiting } from './stop-step.ts'

/** How long a start takes before it is said what it waits for, in ms. */
export const slowStartMs = 5_000

/** What is said of a start that takes long. */
export function describeSlowStart(resource: Resource): string {
  return `The service is not ready yet: for ${slowStartMs / 1_000} s it has waited for ${describe(resource)}`
}

/** Nothing is left in the event loop that could end these starts. */
export function unendedStart(starting: readonly Resource[]): LifecycleError {
  return new LifecycleError('start-failed', `the event loop was empty before everything had started, and nothing is left that could end it; it waited for ${starting.map(describe).join(', and for ')}`)
}

function describe(resource: Resource): string {
  const what = waitedFor(resource)
  return what.length === 0 ? `the start of "${resource.name}"` : `the start of "${resource.name}", which waits for ${what.join(', ')}`
}

function waitedFor(resource: Resource): readonly string[] {
  const errors: string[] = []
  const texts = listWaiting(resource, errors)
  return errors.length === 0 ? texts : [`something that it cannot tell (${errors.join('; ')})`]
}
