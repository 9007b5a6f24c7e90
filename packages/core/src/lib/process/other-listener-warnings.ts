import { describeListener, sourceOf } from './describe-listener.ts'
import { ownerAndCure, yieldsToOthers } from './known-listeners.ts'
import type { OtherListener } from './other-listeners.ts'

/** Put there by Node itself, where `node:domain` is loaded. */
const ofNode = 'domainUncaughtExceptionClear'

/** One sentence for each owner of listeners that act beside lameduck, with what to do. */
export function warningsAbout(others: readonly OtherListener[]): string[] {
  const signals = new Map<string, Set<string>>()
  const errors = new Set<string>()
  for (const { event, listener, addedBy } of others) {
    const source = sourceOf(listener)
    if (yieldsToOthers(source) || listener.name === ofNode) continue
    if (event === 'uncaughtException') errors.add(aboutErrors(describeListener(listener, addedBy)))
    else {
      const { owner = describeListener(listener, addedBy), cure } = ownerAndCure(source)
      const what = `acts before the service has drained, and may end the process (${owner}): ${cure}`
      signals.set(what, (signals.get(what) ?? new Set()).add(event))
    }
  }
  return [...[...signals].map(([what, heard]) => `another listener for ${[...heard].join(' and ')} ${what}`), ...errors]
}

function aboutErrors(listener: string): string {
  return (
    `another listener for uncaughtException hears of the error, but does not decide: lameduck stops the service (${listener}). ` +
    "Remove it, or let it decide: bindProcess(lifecycle, { onUncaught: 'leave' })"
  )
}
