import { describeListener, sourceOf } from './describe-listener.ts'
import { ownerAndCure, yieldsToOthers } from './known-listeners.ts'
import type { AnyListener, OtherListener } from './other-listeners.ts'

/** Put there by Node itself, where `node:domain` is loaded. */
const ofNode = 'domainUncaughtExceptionClear'

/** One sentence or two for each listener of others that acts beside lameduck, with what to do. */
export function warningsAbout(others: readonly OtherListener[]): string[] {
  const events = new Map<AnyListener, Set<string>>()
  const first = new Map<AnyListener, OtherListener>()
  for (const other of others) {
    const { listener, event } = other
    if (yieldsToOthers(sourceOf(listener)) || listener.name === ofNode) continue
    events.set(listener, (events.get(listener) ?? new Set()).add(event))
    first.set(listener, first.get(listener) ?? other)
  }
  return [...first].map(([listener, { addedBy }]) => {
    const heard = [...(events.get(listener) ?? [])]
    return heard.includes('uncaughtException') ? aboutErrors(listener, addedBy) : aboutSignals(heard, listener, addedBy)
  })
}

function aboutSignals(signals: readonly string[], listener: AnyListener, addedBy: string | undefined): string {
  const { owner, cure } = ownerAndCure(sourceOf(listener))
  const who = owner ?? describeListener(listener, addedBy)
  return `another listener for ${signals.join(' and ')} acts before the service has drained, and may end the process (${who}): ${cure}`
}

function aboutErrors(listener: AnyListener, addedBy: string | undefined): string {
  return (
    `another listener for uncaughtException does not decide what becomes of an uncaught error, for lameduck stops the service (${describeListener(listener, addedBy)}): ` +
    "remove it, or leave these errors to it: bindProcess(lifecycle, { onUncaught: 'leave' })"
  )
}
