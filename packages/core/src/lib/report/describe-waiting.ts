import type { WaitingStep } from '../events.ts'

/** Steps, and texts of each, that are told: it is one line of a log, every second. */
const mostSteps = 5
const mostTexts = 3

/** What a stop is waiting for, in one line. */
export function describeWaiting(steps: readonly WaitingStep[], leftMs: number): string {
  const told = steps.slice(0, mostSteps).map(describeStep)
  const more = steps.length > mostSteps ? [`${steps.length - mostSteps} more`] : []
  return `still waiting for ${[...told, ...more].join('; ')}; ${(leftMs / 1_000).toFixed(1)} s left`
}

function describeStep({ name, inFlight, waitingFor }: WaitingStep): string {
  const count = inFlight === undefined ? [] : [`${inFlight} in flight`]
  const texts = waitingFor.slice(0, mostTexts)
  const details = [...count, ...texts, ...(waitingFor.length > mostTexts ? ['…'] : [])]
  return details.length > 0 ? `${name} (${details.join(', ')})` : name
}
