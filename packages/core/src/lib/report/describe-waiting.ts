import type { WaitingStep } from '../events.ts'

/** Steps, and texts of each, that are told: it is one line of a log, every second. */
const mostSteps = 5
const mostTexts = 3

const waitsForItself = '. Whoever awaits lifecycle.stop() in a request or a job waits for itself until that is cut: call it there without await'

/**
 * What a stop is waiting for, and when each step is cut, in one line.
 *
 * @param isOwnCall whether the service has called `stop()` itself
 */
export function describeWaiting(steps: readonly WaitingStep[], isOwnCall: boolean = false): string {
  const told = steps.slice(0, mostSteps).map(describeStep)
  const more = steps.length > mostSteps ? [`${steps.length - mostSteps} more`] : []
  return `still waiting for ${[...told, ...more].join('; ')}${isOwnCall ? waitsForItself : ''}`
}

function describeStep({ name, inFlight, waitingFor, leftMs }: WaitingStep): string {
  const texts = waitingFor.slice(0, mostTexts)
  // It waits for something all the same.
  const count = inFlight === undefined || (inFlight === 0 && texts.length > 0) ? [] : [`${inFlight} in flight`]
  const details = [...count, ...texts, ...(waitingFor.length > mostTexts ? ['…'] : [])]
  const what = details.length > 0 ? `${name} (${details.join(', ')})` : name
  return leftMs === undefined ? `${what}, which is being cut` : `${what}, cut in ${(leftMs / 1_000).toFixed(1)} s`
}
